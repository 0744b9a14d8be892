import { EventEmitter } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import type { RedisFace } from '../../lib/internal/redis-client.js';
import { RedisLink } from '../../lib/internal/redis-link.js';
import { failureOf } from '../support/folder.js';

/** A client that answers when it is told to. */
function scene(timeout: number) {
  const client = new EventEmitter();
  const state = { ready: true, coming: false, dropped: 0 };
  const sent: { args: readonly string[]; answer: (value: unknown) => void; fail: (error: unknown) => void }[] = [];
  const face: RedisFace = {
    client,
    changes: ['change'],
    oneKey: false,
    isReady: () => state.ready,
    isComing: () => state.coming,
    drop: () => {
      state.dropped += 1;
    },
    send: (args) => new Promise((answer, fail) => sent.push({ args, answer, fail })),
    nodes: async () => [face.send],
  };
  const noticed: boolean[] = [];
  const link = new RedisLink(face, timeout, (ready) => noticed.push(ready));
  const become = (ready: boolean, coming: boolean) => {
    Object.assign(state, { ready, coming });
    client.emit('change');
  };
  return { client, face, state, sent, link, noticed, become };
}

const PATIENCE = 60_000;

/** What was sent by a command that has failed; nobody here holds it any more. */
async function forgotten(link: RedisLink): Promise<WeakRef<object>> {
  const args = ['SET', 'a', 'text'];
  await failureOf(() => link.send(args));
  return new WeakRef(args);
}

/** What a WeakRef was asked for, or made of, stays until the turn of the event loop has ended. */
async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc');
  await pause(1);
  runInNewContext('gc')();
}

describe('RedisLink', () => {
  it('answers what the client answers', async () => {
    const { link, sent } = scene(PATIENCE);
    const answer = link.send(['GET', 'a']);
    sent[0]?.answer('text');
    expect(await answer).to.equal('text');
    link.close();
  });

  it('codes a failure and keeps the words of it for the cause; a missing script is the caller’s affair', async () => {
    const { link, sent } = scene(PATIENCE);
    const failing = failureOf(() => link.send(['GET', 'a']));
    const cause = new Error('OOM secret');
    sent[0]?.fail(cause);
    const failure = await failing;
    expect(failure).to.include({ code: 'SESSILE_IO', cause });
    expect(failure.message).to.not.include('secret');
    const missing = failureOf(() => link.send(['EVALSHA', 'x']));
    sent[1]?.fail(new Error('NOSCRIPT No matching script'));
    expect((await missing).message).to.include('NOSCRIPT');
    link.close();
  });

  it('gives up after the time limit, each command on its own, and takes no late answer', async () => {
    const { link, sent } = scene(30);
    const [one, other] = [failureOf(() => link.send(['GET', 'a'])), failureOf(() => link.send(['GET', 'b']))];
    expect(await one).to.have.property('code', 'SESSILE_IO');
    expect((await other).message).to.include('did not answer within 30 ms');
    for (const { answer } of sent) answer('late');
    const next = link.send(['GET', 'c']);
    sent[2]?.answer('in time');
    expect(await next).to.equal('in time');
    link.close();
  });

  it('holds commands back while a connection is on its way, and sends none that gave up meanwhile', async () => {
    const { link, sent, become, noticed } = scene(30);
    become(false, true);
    const early = failureOf(() => link.send(['SET', 'a', '1']));
    expect((await early).message).to.include('could not be reached');
    const later = link.send(['SET', 'a', '2']);
    expect(sent).to.deep.equal([]);
    become(true, false);
    expect(sent.map(({ args }) => args[2])).to.deep.equal(['2']);
    sent[0]?.answer('OK');
    expect(await later).to.equal('OK');
    expect(noticed).to.deep.equal([false, true]);
    link.close();
  });

  it('forgets a command that gave up at once, however long the connection stays away', async () => {
    const { link, become } = scene(20);
    become(false, true);
    const args = await forgotten(link);
    await collectGarbage();
    expect(args.deref()).to.equal(undefined);
    link.close();
  });

  it('takes a time limit that is longer than a timer can be', async () => {
    const warnings: Error[] = [];
    const warned = (warning: Error) => warnings.push(warning);
    process.on('warning', warned);
    const { link, sent } = scene(2 ** 40);
    const answer = link.send(['GET', 'a']);
    await pause(20);
    process.off('warning', warned);
    sent[0]?.answer('text');
    expect([await answer, warnings]).to.deep.equal(['text', []]);
    link.close();
  });

  it('tells once when a connection is lost and has the client drop what it has not sent', () => {
    const { link, become, noticed, state } = scene(PATIENCE);
    become(false, true);
    become(false, true);
    expect([noticed, state.dropped]).to.deep.equal([[false], 2]);
    link.close();
  });

  it('leaves to a closed client what it says to a command', async () => {
    const { link, sent, become } = scene(PATIENCE);
    become(false, true);
    const held = failureOf(() => link.send(['GET', 'a']));
    become(false, false);
    sent[0]?.fail(new Error('The client is closed'));
    expect(await held).to.have.property('code', 'SESSILE_IO');
    link.close();
  });

  it('leaves no listener behind', () => {
    const { link, client } = scene(PATIENCE);
    link.close();
    expect(client.listenerCount('change')).to.equal(0);
  });

  it('has the commands of each node under the same limit', async () => {
    const { link } = scene(20);
    const [node] = await link.nodes();
    expect(await failureOf(() => node?.(['SCAN', '0']))).to.have.property('code', 'SESSILE_IO');
    link.close();
  });

  it('waits no longer than that for the nodes themselves', async () => {
    const { link, face } = scene(20);
    face.nodes = () => new Promise(() => {});
    expect(await failureOf(() => link.nodes())).to.have.property('code', 'SESSILE_IO');
    link.close();
  });
});
