/**
 * What was done about the files of lib/ in which functions were among the three largest of a whole request, by their path.
 * None of these takes more than about a hundredth: which three they are differs from run to run.
 */
export const notes: Readonly<Record<string, string>> = {
  'lib/backends/memory.ts':
    'a change looks an entry up without making it the latest, which the write after it does; a save looks nothing up',
  'lib/backends/redis.ts':
    'a save compares with what its request was given and sets, in one step; only where that is gone does it look again',
  'lib/core.ts':
    'what compares, merges and renews baselines is inlined here; one closure less for each call. Without the merge ' +
    "(`concurrency: 'overwrite'`, the subjects with `-overwrite`) a request is not measurably faster",
  'lib/internal/cookie-text.ts':
    'the cookie that was written last and the one that was read last are kept, as nearly all sessions of an app have the same',
  'lib/internal/deliver.ts':
    'one Immediate for all callbacks of a turn; to answer in the next turn, not in the one that read the request, is where ' +
    'whole requests with MemoryStore gained a quarter',
  'lib/internal/atomic-write.ts':
    'who is alone writes replaced files anew: a set takes a quarter of what a new file and a lock took',
  'lib/internal/awaitable.ts': 'what is there at once goes on at once, without a promise',
  'lib/internal/companion.ts': 'it is where baselines are put on the session objects; a WeakMap took longer',
  'lib/internal/entry-changes.ts': 'left as it is: it waits for system calls, and those are the most of `node` here',
  'lib/internal/entry-files.ts':
    'to open and close a file is half of a read. Kept open between two requests, with a look at where the path leads, it ' +
    'saved 2 us of 25 for a get and a touch, and nothing that could be told of whole requests; all of a turn back to back ' +
    'halved it there',
  'lib/internal/entry-folder.ts': 'left as it is: it calls the others',
  'lib/internal/entry-text.ts':
    'sums are compared as numbers and an id without escapes is cut out, a third less; the sums themselves are computed by ' +
    'zlib, the head is matched by one expression',
  'lib/internal/in-step.ts':
    'all reads and touches of a turn back to back: FileStore went from 0.7 of the speed of a store in memory to all of it, ' +
    'as system calls between other work find the processor cold',
  'lib/internal/memo.ts': 'it saves a hash per request',
  'lib/internal/keyed-queue.ts': 'left as it is: a look into a map, which is empty unless somebody waits',
  'lib/internal/redis-link.ts': 'one timer for all commands that wait, in place of one for each',
  'lib/internal/redis-touches.ts': 'all touches of a turn are one command: a third of what one command for each costs',
  'lib/internal/redis-text.ts':
    'the first 20 characters of a date are kept by the second: two dates by toISOString were the largest of a touch (3 %)',
  'lib/internal/sqlite-library.ts': 'it is the call of the prepared statement itself, into SQLite',
  'lib/internal/sqlite-queue.ts': 'one transaction for all writes of a turn; what is left is the loop over them',
  'lib/internal/sqlite-rows.ts': 'statements are prepared once; their parameters are the rest',
  'lib/merge.ts':
    'baselines are private fields on the session objects in place of a WeakMap; a text equal to the baseline is not parsed',
  'lib/record.ts': 'JSON of the data alone: the cookie is neither read nor written again',
  'lib/store.ts':
    'the check that the store is open needs no closure of its own; the rest is the one call into the core',
};
