// A visitor with a cookie jar, for examples/generic-server.
//
//   node examples/generic-client/client.mjs [URL of the server]
import { CookieJar } from 'tough-cookie';

const [server = 'http://127.0.0.1:8080'] = process.argv.slice(2);
const jar = new CookieJar();

async function ask(path) {
  const url = `${server}/${path}`;
  const response = await fetch(url, { headers: { cookie: await jar.getCookieString(url) } });
  for (const line of response.headers.getSetCookie()) await jar.setCookie(line, url);
  return response.json();
}

console.log(`Set foo = ${await ask('set/foo/bar')}`);
console.log(`Fetched foo = ${await ask('get/foo')}`);
