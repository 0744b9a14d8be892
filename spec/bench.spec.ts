import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { withCharts } from '../bench/publish.js';

interface Ran {
  code: number;
  out: string;
  err: string;
}

interface Result {
  trial: string;
  subject: string;
  perSecond?: { median: number };
  figures?: Record<string, { median: number }>;
  note?: string;
  absent?: string;
  disqualified?: string;
  outcomes: unknown[];
}

interface Results {
  machine: { node: string; cpu: string; date: string };
  versions: Record<string, string>;
  results: Result[];
  ratios: { ours: string; peer: string; ratio: { median: number } }[];
}

/** The real command, in a process of its own, with as little work as it can do. */
describe('npm run bench', function () {
  this.timeout(180_000);

  let dir: string;
  const tiny = () => [
    '--rounds',
    '1',
    '--operations',
    '50',
    '--warm-up',
    '0.05',
    '--sessions',
    '20',
    '--dir',
    dir,
    '--out',
    join(dir, 'out'),
  ];

  const bench = (...args: string[]): Promise<Ran> => run('bench/run.ts', ...tiny(), ...args);

  function run(script: string, ...args: string[]): Promise<Ran> {
    const command = ['--import', 'tsx', script, ...args];
    return new Promise((resolve) => {
      execFile(process.execPath, command, (error, out, err) => resolve({ code: Number(error?.code ?? 0), out, err }));
    });
  }

  const results = (): Results => {
    const name = readdirSync(join(dir, 'out')).find((file) => file.endsWith('.json'));
    return JSON.parse(readFileSync(join(dir, 'out', name as string), 'utf8')) as Results;
  };

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'sessile-bench-'));
  });

  afterEach(() => {
    rmSync(dir, { recursive: true, force: true });
  });

  it('measures what its words select, shows it and writes it down', async () => {
    const { code, out, err } = await bench('get', 'sessile-memory', 'memorystore');
    expect(code, err).to.equal(0);
    const rows = out.split('\n').filter((line) => /^│ get +│/.test(line));
    expect(rows).to.have.length(2);
    expect(rows[0]).to.match(/sessile-memory +│ n\.a\. +│ +[\d ]+\d +│/);
    expect(rows[1]).to.contain('memorystore');
    expect(out)
      .to.match(/sessile-memory +│ +\d+(\.\d+)?x/)
      .and.not.match(/touch|express-memory/);

    const { machine, versions, results: written, ratios } = results();
    expect(machine.node).to.equal(process.version);
    expect(versions).to.have.keys('sessile', 'express', 'express-session', 'memorystore');
    expect(written.map(({ trial, subject }) => `${trial} ${subject}`)).to.deep.equal([
      'get sessile-memory',
      'get memorystore',
    ]);
    expect(written.every(({ perSecond }) => (perSecond?.median ?? 0) > 0)).to.equal(true);
    expect(ratios).to.have.length(1);
    const [ours, peer] = written.map(({ perSecond }) => perSecond?.median ?? Number.NaN) as [number, number];
    expect(ratios[0]?.ratio.median).to.be.closeTo(ours / peer, 1e-9);
    expect(readdirSync(dir), 'files of subjects').to.deep.equal(['out']);
  });

  it('says what there is when a word matches nothing', async () => {
    const { code, out, err } = await bench('get', 'nonesuch');
    expect(code).to.equal(2);
    expect(out).to.equal('');
    expect(err)
      .to.contain('Nothing is called "nonesuch"')
      .and.to.match(/Trials:[\s\S]*touch[\s\S]*Subjects[\s\S]*memorystore/);
    expect(err).not.to.contain('    at ');
  });

  it('disqualifies broken subjects with the rule that they break, and times none of them', async () => {
    const { code, out, err } = await bench('get', 'broken', '--with', 'bench/broken.ts');
    expect(code, err).to.equal(0);
    const rules: [subject: string, reason: string][] = [
      ['broken-forgets', 'get after set returns the data'],
      ['broken-finds-anything', 'get of an unknown id is a miss'],
      ['broken-alias', 'what get handed out is a copy'],
      ['broken-lazy-touch', 'touch keeps the data and moves the deadline'],
      ['broken-crash', 'crashed'],
    ];
    for (const [subject, reason] of rules) {
      const row = out.split('\n').find((line) => line.includes(` ${subject} `));
      expect(row, subject).to.contain(`disqualified: ${reason}`);
    }
    const { results: written, ratios } = results();
    expect(written).to.have.length(rules.length);
    expect(written.filter((row) => row.perSecond !== undefined)).to.deep.equal([]);
    expect(ratios).to.deep.equal([]);
  });

  it('disqualifies a store that says it prunes and does not', async () => {
    const { code, out, err } = await bench('prune', 'broken', '--with', 'bench/broken.ts');
    expect(code, err).to.equal(0);
    expect(out).to.match(/broken-lazy-prune .* disqualified: prune removed 0 of 10/);
  });

  it('tells latency and event-loop delay besides speed', async () => {
    const { code, out, err } = await bench('set', 'app-write', 'sessile-memory');
    expect(code, err).to.equal(0);
    expect(out).to.match(/CPU us each +│ +p50 ms +│ +p99 ms +│ +loop p99 ms/);
    const { results: written } = results();
    expect(written).to.have.length(2);
    for (const { figures = {} } of written) {
      expect(figures).to.have.keys('cpuMicroseconds', 'p50Ms', 'p99Ms', 'loopP99Ms');
      const [p50, p99] = [figures['p50Ms']?.median ?? 0, figures['p99Ms']?.median ?? 0];
      expect(p50).to.be.above(0).and.at.most(p99);
      expect(figures['loopP99Ms']?.median).to.be.at.least(0);
    }
  });

  it('says who cannot take part in a trial, and disqualifies nobody for that', async () => {
    const words = ['update', 'all', 'prune', 'express-memory', 'sessile-memory', 'memorystore'];
    const { code, out, err } = await bench(...words);
    expect(code, err).to.equal(0);
    const { results: written } = results();
    const found = (trial: string, subject: string) =>
      written.find((row) => row.trial === trial && row.subject === subject);
    expect(written.filter(({ disqualified }) => disqualified)).to.deep.equal([]);
    expect(found('prune', 'express-memory')).to.include({ absent: 'has no prune' }).and.not.have.property('perSecond');
    expect(out).to.match(/prune +│ express-memory +│ n\.a\. +│ has no prune/);
    const timed = written.filter(({ perSecond }) => (perSecond?.median ?? 0) > 0);
    expect(timed).to.have.length(written.length - 1);
    expect(found('update', 'sessile-memory')).not.to.have.property('note');
    expect(found('update', 'memorystore')?.note).to.equal('get, then set');
  });

  it('opens storages again, and leaves out who has none', async () => {
    const words = ['open', 'mixed', 'sessile-memory', 'sessile-file', 'connect-sqlite3', '--rounds', '2'];
    const { code, err } = await bench(...words, '--seconds', '0.05');
    expect(code, err).to.equal(0);
    const { results: written } = results();
    expect(written.map(({ trial, subject }) => `${trial} ${subject}`)).to.deep.equal([
      'mixed sessile-memory',
      'mixed sessile-file',
      'mixed connect-sqlite3',
      'open sessile-file',
      'open connect-sqlite3',
    ]);
    for (const { perSecond } of written) expect(perSecond?.median).to.be.above(0);
  });

  it('weighs the memory that sessions take, once', async () => {
    const words = ['footprint', 'sessile-memory', 'express-memory', '--memory-sessions', '3000', '--rounds', '2'];
    const { code, out, err } = await bench(...words);
    expect(code, err).to.equal(0);
    expect(out).to.match(/heap B each +│ +RSS B each/);
    const { results: written, ratios } = results();
    for (const { outcomes, figures } of written) {
      expect(outcomes).to.have.length(1);
      expect(figures?.['heapBytes']?.median).to.be.above(300).and.below(3_000);
    }
    expect(ratios, 'speeds of a trial that is about memory').to.deep.equal([]);
  });

  it('publishes a page and a chart for each trial, and removes those of the run before', async () => {
    mkdirSync(join(dir, 'out'));
    for (const name of ['miss.svg', 'growth-file.svg']) writeFileSync(join(dir, 'out', name), '<svg/>');
    const before = readFileSync('README.md', 'utf8');
    const { code, err } = await bench('mixed', 'all', 'session-file-store', 'sessile-memory', '--publish');
    expect(code, err).to.equal(0);
    const published = readdirSync(join(dir, 'out')).filter((name) => !name.endsWith('.json'));
    expect(published).to.have.members(['README.md', 'mixed.svg', 'all.svg', 'growth-file.svg']);
    const page = readFileSync(join(dir, 'out', 'README.md'), 'utf8');
    const { machine, versions, results: written } = results();
    for (const said of [
      machine.date,
      machine.node,
      machine.cpu,
      `session-file-store ${versions['session-file-store']}`,
    ])
      expect(page).to.contain(said);
    expect(page)
      .to.match(/^\| session-file-store \| file \| [\d .]+ \|/m)
      .and.match(/^\| .* \| has no all \|/m);
    expect(page).to.contain('![mixed](mixed.svg)');
    const chart = readFileSync(join(dir, 'out', 'mixed.svg'), 'utf8');
    expect(chart).to.match(/^<svg [\s\S]*<\/svg>\n$/);
    expect(chart).to.contain('>session-file-store, fsync: file<').and.contain(machine.node);
    expect(written.filter(({ trial }) => trial === 'mixed')).to.have.length(2);
    expect(readFileSync('README.md', 'utf8'), 'the README is about published runs').to.equal(before);
  });

  it('shows charts in the README in place of those of the run before', () => {
    const text = 'a\n<!-- charts -->\n![set](bench/results/set.svg)\n<!-- end of charts -->\nb\n';
    expect(withCharts(text, ['app-write', 'all'])).to.equal(
      'a\n<!-- charts -->\n![app-write](bench/results/app-write.svg)\n<!-- end of charts -->\nb\n',
    );
    expect(withCharts(text, [])).to.equal('a\n<!-- charts -->\n<!-- end of charts -->\nb\n');
    const readme = readFileSync('README.md', 'utf8');
    expect(withCharts(readme, ['app-write'])).to.contain('![app-write](bench/results/app-write.svg)');
  });

  it('measures how cost grows, and shares a storage among processes', async () => {
    const sizes = ['--sessions', '20,40', '--bytes', '300,900', '--concurrency', '8,64', '--processes', '1,2'];
    const rest = ['--operations', '40', '--dir', dir, '--out', join(dir, 'out')];
    const { code, out, err } = await run('bench/growth.ts', 'sessile-memory', 'sessile-sqlite', ...sizes, ...rest);
    expect(code, err).to.equal(0);
    const written = readdirSync(join(dir, 'out')).filter((name) => !name.endsWith('.json'));
    expect(written).to.have.members(['GROWTH.md', 'growth-sessile-memory.svg', 'growth-sessile-sqlite.svg']);
    const page = readFileSync(join(dir, 'out', 'GROWTH.md'), 'utf8');
    const [memory = '', sqlite = ''] = page.split('## ').slice(1);
    const rows = (part: string) =>
      [...part.matchAll(/^\| (\w+) \| (\d+)(?: \| \d+\.\d){3} \|$/gm)].map(([, ...at]) => at.join());
    const alone = ['sessions,20', 'sessions,40', 'bytes,300', 'bytes,900', 'concurrency,8', 'concurrency,64'];
    expect(rows(memory)).to.deep.equal(alone);
    expect(rows(sqlite)).to.deep.equal([...alone, 'processes,1', 'processes,2']);
    expect(sqlite).to.match(
      /With 40 sessions instead of 20 a get costs \d+\.\d\d times as much.*; with 900 bytes each/,
    );
    expect(sqlite).to.match(
      /\. With 64 operations at a time instead of 8 .*; with 2 processes instead of 1 a get costs/,
    );
    expect(out)
      .to.contain('GROWTH.md')
      .and.match(/│ processes +│ +2 │ +\d/);
    const chart = readFileSync(join(dir, 'out', 'growth-sessile-sqlite.svg'), 'utf8');
    for (const text of ['sessions', 'processes', 'touch', '900']) expect(chart).to.match(new RegExp(`>${text}`));
    expect(readdirSync(dir)).to.deep.equal(['out']);
  });

  it('profiles whole requests, and says whose code the time went to and what was done about the largest', async () => {
    const rest = ['--seconds', '0.3', '--dir', dir, '--out', join(dir, 'out')];
    const { code, err } = await run('bench/profile.ts', 'sessile-memory', ...rest);
    expect(code, err).to.equal(0);
    expect(readdirSync(dir), 'profiles and files of subjects').to.deep.equal(['out']);
    const page = readFileSync(join(dir, 'out', 'PROFILE.md'), 'utf8');
    const rows = page.split('\n').filter((line) => line.startsWith('| sessile-memory |'));
    expect(rows).to.have.length(2);
    for (const row of rows) {
      const [lib, bench, packages, node, garbage] = row.split('|').slice(3, 8).map(Number.parseFloat) as number[];
      const parts = [lib, bench, packages, node, garbage] as number[];
      expect(parts.reduce((sum, part) => sum + part)).to.be.closeTo(100, 0.5);
      for (const part of [lib, packages, node]) expect(part).to.be.within(0.1, 99);
      expect(row.match(/`lib\/\S+\.ts [^`]+` \d+\.\d %/g)).to.have.length(3);
    }
    expect(page).to.match(/^- `lib\/\S+`: /m);

    const unknown = await run('bench/profile.ts', 'sessile-tape');
    expect(unknown.code).to.equal(2);
    expect(unknown.err).to.match(/No subject is called "sessile-tape"/);
  });

  it('says what is wrong with the words and sizes of growth', async () => {
    const { code, err, out } = await run('bench/growth.ts', 'sessile-memory', '--sessions', 'many');
    expect([code, out]).to.deep.equal([2, '']);
    expect(err).to.contain('--sessions must be a number above 0, not many');
    const unknown = await run('bench/growth.ts', 'sessile-tape');
    expect(unknown.code).to.equal(2);
    expect(unknown.err).to.contain('No subject is called "sessile-tape"').and.contain('sessile-file-fsync');
  });

  it('leaves no file behind when it is interrupted', async () => {
    const long = ['raw-files', 'set', '--operations', '100000000', '--seconds', '60'];
    const child = spawn(process.execPath, ['--import', 'tsx', 'bench/run.ts', ...tiny(), ...long]);
    const exit = once(child, 'exit');
    const files = () => (readdirSync(dir, { recursive: true }) as string[]).filter((name) => name.endsWith('.json'));
    while (files().length === 0 && child.exitCode === null) await sleep(20);
    child.kill('SIGINT');
    expect(await exit).to.deep.equal([130, null]);
    expect(readdirSync(dir)).to.deep.equal([]);
  });
});
