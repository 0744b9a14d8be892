import { expect } from 'chai';
import request from 'supertest';
import { exampleServers } from '../support/example-server.js';
import { folders, namesIn } from '../support/folder.js';

describe('examples/tinyhttp', function () {
  this.timeout(120_000);
  const folder = folders();
  const start = exampleServers();

  it('counts for each visitor, over a restart, until it is told to forget', async () => {
    const dataDir = folder();
    const first = await start('tinyhttp/counter.mjs', dataDir);
    const made = await request(first.url).get('/').expect(200, 'Views: 1\n');
    const cookie = String(made.headers['set-cookie']).split(';')[0] ?? '';
    await request(first.url).get('/').set('Cookie', cookie).expect('Views: 2\n');
    await request(first.url).get('/').expect('Views: 1\n');
    expect(await first.stop()).to.equal('');
    const second = await start('tinyhttp/counter.mjs', dataDir);
    await request(second.url).get('/').set('Cookie', cookie).expect('Views: 3\n');
    expect(namesIn(dataDir)).to.have.lengthOf(2);
    await request(second.url).post('/forget').set('Cookie', cookie).expect('Forgotten\n');
    expect(namesIn(dataDir)).to.have.lengthOf(1);
    await request(second.url).get('/').set('Cookie', cookie).expect('Views: 1\n');
    expect(await second.stop()).to.equal('');
  });
});
