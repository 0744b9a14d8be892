import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'chai';
import request from 'supertest';
import { type Hold, holdResponse } from '../../lib/internal/hold-response.js';
import { unhandled } from '../support/process-events.js';

describe('holdResponse', () => {
  /** What a client gets of a response that `act` gives, and what was called. */
  async function give(act: (res: ServerResponse) => unknown, hold: Partial<Hold> = {}) {
    const calls: string[] = [];
    const test = request((_req: IncomingMessage, res: ServerResponse) => {
      holdResponse(res, {
        headers: () => {
          calls.push('headers');
          res.appendHeader('Set-Cookie', 'ours=1');
        },
        end: () => {
          calls.push('end');
          return hold.end?.();
        },
        failed: (error) => {
          calls.push(`failed: ${(error as Error).message}`);
          res.statusCode = 500;
          res.end('failed');
        },
      });
      void act(res);
    }).get('/');
    const { status, text, headers } = await test;
    return { status, text, headers, calls, cookies: headers['set-cookie'] as unknown };
  }

  it('calls headers once before they leave, and end once when the response ends', async () => {
    for (const act of [
      (res: ServerResponse) => res.end('ab'),
      (res: ServerResponse) => res.write('a') && res.end('b'),
      (res: ServerResponse) => res.writeHead(200).write('a') && res.end(Buffer.from('b')),
      (res: ServerResponse) => res.flushHeaders() ?? res.end('ab', 'latin1'),
    ]) {
      const { text, calls, cookies } = await give(act);
      expect(text).to.equal('ab');
      expect([...calls].sort()).to.deep.equal(['end', 'headers']);
      expect(cookies).to.deep.equal(['ours=1']);
    }
  });

  it('keeps status, message and headers that are given to writeHead, in any form', async () => {
    const wanted = ['theirs=1', 'ours=1'];
    for (const given of [
      { 'X-A': '1', 'Set-Cookie': 'theirs=1' },
      ['X-A', '1', 'Set-Cookie', 'theirs=1'],
      [
        ['X-A', '1'],
        ['Set-Cookie', 'theirs=1'],
      ],
    ]) {
      for (const message of [undefined, 'Fine']) {
        const { status, headers, cookies } = await give((res) => {
          res.setHeader('X-A', 'former');
          const rest = (message === undefined ? [given] : [message, given]) as [string, OutgoingHttpHeaders];
          res.writeHead(201, ...rest).end(res.statusMessage);
        });
        expect([status, headers['x-a'], cookies]).to.deep.equal([201, '1', wanted]);
      }
    }
    const { text } = await give((res) => res.writeHead(200, 'Fine').end(res.statusMessage));
    expect(text).to.equal('Fine');
  });

  it('keeps headers that are given to writeHead behind a message that is left out', async () => {
    const { status, headers, cookies } = await give((res) => {
      res.writeHead(201, undefined, { 'X-A': '1' }).end();
    });
    expect([status, headers['x-a'], cookies]).to.deep.equal([201, '1', ['ours=1']]);
  });

  it('lets somebody else answer where what end was given cannot be sent', async () => {
    const loose = await unhandled(async () => {
      const { status, text, calls } = await give((res) => res.end(42), { end: () => Promise.resolve() });
      expect([status, text]).to.deep.equal([500, 'failed']);
      expect(calls[1]).to.match(/^failed: The "chunk" argument must be of type string/);
    });
    expect(loose).to.deep.equal([]);
  });

  it('keeps several values of one header', async () => {
    const { cookies } = await give((res) => res.writeHead(200, ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=1']).end());
    expect(cookies).to.deep.equal(['a=1', 'b=1', 'ours=1']);
  });

  it('does not end the response before what end promised is done, and ends it once', async () => {
    let isDone = false;
    const end = async () => {
      await nextTurn();
      isDone = true;
    };
    const seen: boolean[] = [];
    const { text, calls } = await give(
      (res) => {
        res.on('finish', () => seen.push(isDone));
        expect(res.end('one')).to.equal(res);
        expect(res.end('two')).to.equal(res);
      },
      { end },
    );
    expect(text).to.equal('one');
    expect(seen).to.deep.equal([true]);
    expect(calls).to.deep.equal(['end', 'headers']);
  });

  it('calls the callback that end is given', async () => {
    let called = false;
    await give((res) => res.end('a', () => (called = true)), { end: () => Promise.resolve() });
    expect(called).to.equal(true);
  });

  for (const [how, end] of Object.entries({
    rejects: () => Promise.reject(new Error('broken')),
    throws: () => {
      throw new Error('broken');
    },
  })) {
    it(`lets somebody else answer where end ${how}`, async () => {
      const { status, text, calls } = await give((res) => res.end('fine'), { end });
      expect([status, text]).to.deep.equal([500, 'failed']);
      expect(calls).to.deep.equal(['end', 'failed: broken', 'headers']);
    });
  }
});
