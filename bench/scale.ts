// How a store does with very many sessions: npm run bench:scale [file|sqlite] -- [sessions] [rounds]
// Prints the figures, and ends with 1 where one misses its bar.
const stores: Record<string, () => Promise<unknown>> = {
  file: () => import('./scale-file.js'),
  sqlite: () => import('./scale-sqlite.js'),
};
const [word = 'file'] = process.argv.slice(2).filter((argument) => !/^\d+$/.test(argument));
const load = stores[word];
if (load === undefined) throw new TypeError(`bench:scale: expected file or sqlite, not ${word}`);
await load();
