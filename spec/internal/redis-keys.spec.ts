import { expect } from 'chai';
import type { Send } from '../../lib/internal/redis-client.js';
import { RedisKeys } from '../../lib/internal/redis-keys.js';
import { hostileIds } from '../conformance/samples.js';

async function walk(keys: RedisKeys, nodes: readonly Send[]): Promise<string[][]> {
  const pages: string[][] = [];
  for await (const page of keys.pages(nodes)) pages.push(page);
  return pages;
}

/** A server that shows these pages, whatever it is asked. */
function server(pages: readonly string[][]): { send: Send; asked: string[][] } {
  const asked: string[][] = [];
  const send: Send = async (args) => {
    asked.push([...args]);
    const at = Number(args[1]);
    return [at + 1 === pages.length ? '0' : String(at + 1), pages[at]];
  };
  return { send, asked };
}

describe('RedisKeys', () => {
  it('has one key per id, which is the id where UTF-8 has a form for it', () => {
    const keys = new RedisKeys('sess:');
    expect(keys.of('abc-é😀')).to.equal('sess:abc-é😀');
    const all = hostileIds.map((sid) => keys.of(sid));
    expect(new Set(all.map((key) => Buffer.from(key).toString('hex'))).size).to.equal(hostileIds.length);
  });

  it('finds every id again, on every node, page by page', async () => {
    const keys = new RedisKeys('sess:');
    const all = hostileIds.map((sid) => keys.of(sid));
    const [one, other] = [server([all.slice(0, 3), [], all.slice(3, 9)]), server([all.slice(9)])];
    const pages = await walk(keys, [one.send, other.send]);
    expect(pages.flat()).to.deep.equal(hostileIds);
    expect(pages.map((page) => page.length)).to.deep.equal([3, 0, 6, hostileIds.length - 9]);
    expect(one.asked.map(([command, cursor]) => [command, cursor])).to.deep.equal([
      ['SCAN', '0'],
      ['SCAN', '1'],
      ['SCAN', '2'],
    ]);
  });

  it('shows once what SCAN shows twice, and leaves out what no id is kept under', async () => {
    const keys = new RedisKeys('p:');
    const pages = await walk(keys, [
      server([
        ['p:a', 'p:b', 'p:a'],
        ['p:b', 'p:c', 'p:"half', 'p:"plain"'],
      ]).send,
    ]);
    expect(pages).to.deep.equal([['a', 'b'], ['c']]);
  });

  it('asks for its prefix as it is spelt', async () => {
    const { send, asked } = server([[]]);
    await walk(new RedisKeys('a*b?[c]\\:'), [send]);
    expect(asked[0]?.slice(2, 4)).to.deep.equal(['MATCH', 'a\\*b\\?\\[c\\]\\\\:*']);
  });
});
