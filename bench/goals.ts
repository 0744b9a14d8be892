/** What a ratio ours / peer should reach in one run. They are shown, never asserted: machines differ. */
export interface Goal {
  readonly ours: string;
  readonly peer: string;
  /** By trial. */
  readonly atLeast: Readonly<Record<string, number>>;
}

export const goals: readonly Goal[] = [
  { ours: 'sessile-memory', peer: 'memorystore', atLeast: { set: 1.1, get: 1.1, touch: 4 } },
  { ours: 'sessile-memory', peer: 'express-memory', atLeast: { 'app-read': 1, 'app-write': 1 } },
  {
    ours: 'sessile-file',
    peer: 'session-file-store',
    atLeast: { set: 4, get: 3, touch: 15, miss: 100, 'app-read': 7, 'app-write': 3 },
  },
  { ours: 'sessile-file-beside', peer: 'session-file-store', atLeast: { set: 1.5, touch: 15 } },
  { ours: 'sessile-file', peer: 'express-memory', atLeast: { 'app-read': 0.8 } },
  { ours: 'sessile-file', peer: 'raw-files', atLeast: { set: 0.7, get: 0.7, touch: 0.7, miss: 0.7 } },
  { ours: 'sessile-file-fsync', peer: 'session-file-store', atLeast: { set: 1.25 } },
  { ours: 'sessile-file-fsync', peer: 'raw-files-fsync', atLeast: { set: 0.7 } },
  { ours: 'sessile-sqlite', peer: 'connect-sqlite3', atLeast: { set: 15, get: 8, touch: 15 } },
  { ours: 'sessile-sqlite', peer: 'better-sqlite3-session-store-wal', atLeast: { set: 3, get: 3, touch: 3 } },
  { ours: 'sessile-sqlite', peer: 'better-sqlite3-session-store', atLeast: { set: 50 } },
  { ours: 'sessile-sqlite', peer: 'raw-sqlite', atLeast: { set: 0.6, get: 0.6, touch: 0.6, miss: 0.6 } },
  { ours: 'sessile-sqlite', peer: 'express-memory', atLeast: { 'app-read': 0.95, 'app-write': 0.95 } },
  { ours: 'sessile-sqlite', peer: 'connect-redis', atLeast: { 'app-read': 1, 'app-write': 1 } },
  { ours: 'sessile-sqlite-full', peer: 'connect-sqlite3', atLeast: { set: 10 } },
  { ours: 'sessile-sqlite-full', peer: 'express-memory', atLeast: { 'app-write': 0.9 } },
  { ours: 'sessile-redis', peer: 'connect-redis', atLeast: { get: 0.95, touch: 0.95, set: 0.8 } },
  { ours: 'sessile-memory', peer: 'sessile-memory-overwrite', atLeast: { 'app-read': 0.95, 'app-write': 0.95 } },
  { ours: 'sessile-file', peer: 'sessile-file-overwrite', atLeast: { 'app-read': 0.85, 'app-write': 0.85 } },
  { ours: 'sessile-sqlite', peer: 'sessile-sqlite-overwrite', atLeast: { 'app-read': 0.95, 'app-write': 0.95 } },
];
