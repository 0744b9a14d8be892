import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { EntryFiles } from '../../lib/internal/entry-files.js';
import { formatEntry, NotAnEntry, nameOf } from '../../lib/internal/entry-text.js';
import { nodeFiles } from '../../lib/internal/files.js';
import { type Adoption, SessionFileStoreFiles } from '../../lib/internal/session-file-store-files.js';
import { failureOf, folders, systemError, watched } from '../support/folder.js';

const THEIRS = '{"user":"ada","__lastAccess":1700000000000}';
const OURS = formatEntry('id', { data: '{}', cookie: '', expires: 1 });

describe('SessionFileStoreFiles', () => {
  const folder = folders();
  let dir: string;
  let reports: Error[];

  beforeEach(() => {
    dir = folder();
    reports = [];
  });

  function open(adopt: Adoption = 'session-file-store', files = nodeFiles): SessionFileStoreFiles {
    const report = (error: Error) => reports.push(error);
    return new SessionFileStoreFiles(dir, adopt, { files, entryFiles: new EntryFiles(files), report });
  }

  const put = (name: string, text = THEIRS) => writeFileSync(join(dir, name), text);

  it('finds a session under its id, and touches no file where an id can be none', () => {
    put('id.json');
    expect(open().read('id')).to.deep.equal({ sid: 'id', data: '{"user":"ada"}', cookie: '', expires: 1700003600001 });
    const files = watched();
    const adopted = open('session-file-store', files);
    for (const sid of ['', '../id', 'a/b', 'a\\b', '\0', '\ud800', 'x'.repeat(251), 'é'.repeat(126)]) {
      expect([adopted.read(sid), adopted.has(sid), adopted.pathOf(sid)]).to.deep.equal([undefined, false, undefined]);
      adopted.remove(sid);
    }
    expect(files.calls).to.deep.equal([]);
    expect(adopted.read('x'.repeat(250))).to.equal(undefined);
  });

  it('removes sessions only', () => {
    const adopted = open();
    for (const [name, text] of Object.entries({ 'a.json': THEIRS, 'b.json': '{"b":1}', 'c.json': '{' }))
      put(name, text);
    mkdirSync(join(dir, 'd.json'));
    for (const sid of ['a', 'b', 'c', 'd', 'absent']) adopted.remove(sid);
    expect(readdirSync(dir).sort()).to.deep.equal(['b.json', 'c.json', 'd.json']);
  });

  it('knows the id of a file, and our names by what is inside', () => {
    const [ours, theirs] = [nameOf('ours'), nameOf('theirs')];
    put(`${ours}.json`, OURS);
    put(`${theirs}.json`);
    const adopted = open();
    expect(adopted.sidOf('id.json')).to.equal('id');
    expect(adopted.sidOf(`${theirs}.json`)).to.equal(theirs);
    for (const name of [`${ours}.json`, '.json', 'id', 'id.json.123456', `${ours}.lock`]) {
      expect(adopted.sidOf(name), name).to.equal(undefined);
    }
  });

  it('reports once what is there and is none', () => {
    put('a.json', '{"ct":"…"}');
    const adopted = open();
    for (let n = 0; n < 3; n += 1) expect(adopted.read('a')).to.equal(undefined);
    expect(adopted.has('a')).to.equal(true);
    expect(reports.map((error) => (error as { code?: string }).code)).to.deep.equal(['SESSILE_CORRUPT']);
  });

  it('throws NotAnEntry for a damaged one, and coded errors for what the system refuses', async () => {
    put('a.json', '{');
    expect(() => open().read('a')).to.throw(NotAnEntry);
    put('b.json');
    const refuse = () => {
      throw systemError('EACCES');
    };
    const unreadable = open('session-file-store', watched({ findSync: refuse }));
    expect(await failureOf(() => unreadable.read('b'))).to.include({ code: 'SESSILE_IO' });
    const fixed = open('session-file-store', watched({ unlinkSync: refuse }));
    expect(await failureOf(() => fixed.remove('b'))).to.include({ code: 'SESSILE_IO' });
    expect(existsSync(join(dir, 'b.json'))).to.equal(true);
  });

  it('reads the extension and the ttl that it is told', () => {
    put('id.sess');
    const adopted = open({ from: 'session-file-store', fileExtension: '.sess', ttl: 5 });
    expect(adopted.read('id')?.expires).to.equal(1700000000006);
    expect(adopted.sidOf('id.sess')).to.equal('id');
    expect(adopted.sidOf('id.json')).to.equal(undefined);
  });

  for (const adopt of [{ from: 'other' }, null, { from: 'session-file-store', ttl: -1 }]) {
    it(`refuses ${JSON.stringify(adopt)}`, () => {
      expect(() => open(adopt as never)).to.throw(TypeError, /adopt/);
    });
  }
});
