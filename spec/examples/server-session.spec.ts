import { expect } from 'chai';
import request from 'supertest';
import { exampleServers } from '../support/example-server.js';
import { folders } from '../support/folder.js';

describe('examples/server-session', function () {
  this.timeout(120_000);
  const folder = folders();
  const start = exampleServers();

  it('logs in and out, over a restart, and gives another id at login', async () => {
    const dataDir = folder();
    const first = await start('server-session/login.mjs', dataDir);
    const visit = ({ url }: { url: string }, path: string, cookie = '') => request(url).get(path).set('Cookie', cookie);
    const stranger = await visit(first, '/').expect(200, 'Hello, stranger\n');
    expect(stranger.headers).not.to.have.property('set-cookie');
    const planted = cookieOf(await visit(first, '/login/eve'));
    const cookie = cookieOf(await visit(first, '/login/ada', planted).expect('Logged in\n'));
    expect(cookie).not.to.equal(planted);
    await visit(first, '/', planted).expect('Hello, stranger\n');
    await first.stop();
    const second = await start('server-session/login.mjs', dataDir);
    await visit(second, '/', cookie).expect('Hello, ada\n');
    expect(cookieOf(await visit(second, '/logout', cookie).expect('Logged out\n'))).to.equal('session_id=');
    await visit(second, '/', cookie).expect('Hello, stranger\n');
    await second.stop();
  });
});

function cookieOf(answer: request.Response): string {
  return String(answer.headers['set-cookie']).split(';')[0] ?? '';
}
