import { readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { expect } from 'chai';
import { Visitor } from '../conformance/journey/visitor.js';
import { EggApplication, needEgg } from './framework.js';

const HOUR = 3_600_000;

for (const major of [3, 4]) describe(`egg ${major}, the framework itself, with eggStore`, () => journeys(major));

function journeys(major: number): void {
  let application: EggApplication | undefined;
  let origin: string;
  let visitor: Visitor;

  before(async function () {
    this.timeout(180_000);
    application = new EggApplication(needEgg(this, major));
    origin = await application.start();
  });
  beforeEach(() => {
    visitor = new Visitor(origin);
  });
  afterEach(() => application?.setAhead(0));
  after(() => application?.remove());

  const running = () => application as EggApplication;
  const seenBy = async (who: Visitor) => (await who.get('/')).body;
  const stored = () => readdirSync(running().sessions).filter((name) => name.endsWith('.json'));

  it('S5 row 80: gives a new visitor no session until something is put into one, and then keeps it', async () => {
    const before = stored().length;
    expect(await visitor.get('/')).to.deep.include({ status: 200, body: {} });
    expect(stored()).to.have.length(before);
    expect((await visitor.get('/set?user=ada')).cookies).to.include('EGG_SESS');
    expect(stored()).to.have.length(before + 1);
    const unmodified = await visitor.get('/');
    expect(unmodified.body).to.deep.equal({ user: 'ada' });
    expect(unmodified.cookies).not.to.include('EGG_SESS');
    await visitor.get('/set?user=bob&n=1');
    expect(await seenBy(visitor)).to.deep.equal({ user: 'bob', n: '1' });
    expect(await seenBy(new Visitor(origin))).to.deep.equal({});
  });

  it('S5 row 84: ends a session: the old cookie opens nothing', async () => {
    await visitor.get('/set?user=ada');
    const before = stored().length;
    const thief = visitor.twin();
    expect((await visitor.get('/logout')).cookies).to.include('EGG_SESS');
    expect(stored()).to.have.length(before - 1);
    expect(await seenBy(thief)).to.deep.equal({});
  });

  it('S5 row 86: gives a session another id and keeps its data: the old cookie opens nothing', async () => {
    await visitor.get('/set?user=ada');
    const thief = visitor.twin();
    await visitor.get('/regenerate');
    expect(await seenBy(visitor)).to.deep.equal({ user: 'ada' });
    expect(await seenBy(thief)).to.deep.equal({});
  });

  it('opens nothing for a tampered cookie', async () => {
    await visitor.get('/set?user=ada');
    expect(await seenBy(visitor.tampered())).to.deep.equal({});
    expect(await seenBy(visitor)).to.deep.equal({ user: 'ada' });
  });

  it('S5 row 87: has a session to the end of its maxAge, which a change extends, and not longer', async () => {
    await visitor.get('/set?user=ada');
    await running().setAhead(HOUR - 60_000);
    expect(await seenBy(visitor)).to.deep.equal({ user: 'ada' });
    await visitor.get('/set?n=1');
    await running().setAhead(2 * HOUR - 120_000);
    expect(await seenBy(visitor)).to.deep.equal({ user: 'ada', n: '1' });
    await running().setAhead(2 * HOUR);
    expect(await seenBy(visitor)).to.deep.equal({});
  });

  it('loses no update of parallel requests', async () => {
    await visitor.get('/set?user=ada&kept=1');
    const pages = ['a=1', 'b=2', 'c=3', 'user=bob'].map((change) => visitor.twin().get(`/park?${change}`));
    await visitor.get('/parked/4');
    await visitor.get('/release');
    for (const { status } of await Promise.all(pages)) expect(status).to.equal(200);
    expect(await seenBy(visitor)).to.deep.equal({ user: 'bob', kept: '1', a: '1', b: '2', c: '3' });
  });

  it('a slow request does not bring back a session that was ended', async () => {
    await visitor.get('/set?user=ada');
    const thief = visitor.twin();
    const before = stored().length;
    const slow = visitor.twin().get('/park?late=1');
    await visitor.get('/parked/1');
    await visitor.get('/logout');
    await visitor.get('/release');
    expect((await slow).status).to.equal(200);
    expect(await seenBy(thief)).to.deep.equal({});
    expect(stored()).to.have.length(before - 1);
  });

  it('S5 row 88: fails while the store is down, and nobody is logged out by that', async () => {
    await visitor.get('/set?user=ada');
    const { sessions } = running();
    renameSync(sessions, `${sessions}.away`);
    writeFileSync(sessions, '');
    try {
      for (const path of ['/', '/set?n=1', '/logout']) {
        const { status, cookies } = await visitor.twin().get(path);
        expect(status, path).to.equal(500);
        expect(cookies, path).not.to.include('EGG_SESS');
      }
    } finally {
      rmSync(sessions);
      renameSync(`${sessions}.away`, sessions);
    }
    expect(await seenBy(visitor)).to.deep.equal({ user: 'ada' });
  });

  it('keeps sessions when the application is killed and started again', async function () {
    this.timeout(180_000);
    await visitor.get('/set?user=ada');
    await running().kill();
    origin = await running().start();
    expect(await seenBy(visitor.twin(origin))).to.deep.equal({ user: 'ada' });
  });
}
