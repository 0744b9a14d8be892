/** Why cost grows as it does, in two sentences, by the subject's name. */
export const reasons: Readonly<Record<string, string>> = {
  'sessile-memory':
    'Of a million sessions each look is a miss of the processor’s caches, as it is in the bare Map, which grows by more. ' +
    'A text is parsed to be read and made to be saved, so both cost by its length; a touch knows the deadline alone.',
  'sessile-file':
    'A read and a touch are system calls on a file that the system has in memory, until there are more files than it keeps ' +
    'names of; then they wait for the disk. A store that is alone on its directory writes replaced files anew without locks, ' +
    'and beside another process it takes a lock and makes a file for each set, which is what a second process costs.',
  'sessile-sqlite':
    'It is what the bare statements cost and grow by: more levels of the tree, and pages from the cache of the system instead ' +
    'of SQLite’s own. Operations of one turn share a transaction, so many at a time cost a fraction of one alone.',
  'sessile-redis':
    'The server answers as fast among a million as among a thousand; what is told here is mostly the way there and back. ' +
    'That is shared by all operations that are under way, and by processes until the server has no more time.',
  'raw-map':
    'Nothing but a Map and JSON: what it grows by is the caches of the processor and the collector of garbage. No store ' +
    'in this process can grow by less.',
  'raw-sqlite':
    'Prepared statements in transactions of 64, nothing else: of a million rows each needs pages that no cache near the ' +
    'processor has. No store on SQLite can grow by less.',
};
