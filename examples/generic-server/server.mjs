// Sessions by key on plain node:http: GET /set/KEY/VALUE keeps a value for this visitor, GET /get/KEY answers it.
//
//   node examples/generic-server/server.mjs
import { createServer } from 'node:http';
import { genericSession } from 'sessile/generic';

const store = genericSession.MemoryStore();

const server = createServer((req, res) => {
  const session = genericSession(req, res, store);
  const answer = (status, body) => {
    res.writeHead(status, { 'content-type': 'application/json' });
    res.end(JSON.stringify(body));
  };

  let words;
  try {
    words = req.url.slice(1).split('/').map(decodeURIComponent);
  } catch {
    return answer(400, 'This is no path');
  }
  const [act, key, value] = words;
  if (act === 'set' && value !== undefined) {
    session.set(key, value, (error) => (error ? answer(500, error.message) : answer(200, value)));
  } else if (act === 'get' && key !== undefined) {
    session.get(key, (error, found) => (error ? answer(500, error.message) : answer(200, found ?? null)));
  } else {
    answer(404, 'Try /set/KEY/VALUE and /get/KEY');
  }
});

server.listen(Number(process.env.PORT ?? 8080), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}`);
});
