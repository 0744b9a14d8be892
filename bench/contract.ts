import type { SessionData } from 'express-session';

/**
 * What the parts of the benchmark say to each other. A *subject* is who is measured, a *trial* is what is measured. A
 * *pair* of the two runs in a child process of its own, once per round.
 */
export interface Subject {
  readonly name: string;
  /** Where the sessions are; also a word that selects the subject. */
  readonly kind: 'memory' | 'file' | 'sqlite' | 'redis';
  readonly role: 'ours' | 'peer' | 'raw';
  readonly about: string;
  /** The npm package whose version goes into the results. */
  readonly package?: string;
  /** What has reached the disk when a callback fires, after a save and after a touch. */
  readonly synced: { readonly save: Synced; readonly touch: Synced };
  /** Names of the only trials that make sense for it; absent: all. */
  readonly only?: readonly string[];
  /** Called in the child process, so that each child loads only what it measures. */
  open(place: Place): Promise<Opened>;
}

/** 'n.a.': nothing is written to a disk at all. */
export type Synced = 'n.a.' | 'no' | 'file' | 'file + directory';

export interface Place {
  /** An empty directory of this child's own. */
  readonly directory: string;
}

export interface Opened {
  readonly store: StoreFace;
  /** For a raw subject, which answers with something else than a session: makes a session of what `get` found. */
  unpack?(found: unknown): SessionData;
  /** For a store that moves the deadline on touch, but not in the cookie that it answers with: where it keeps it. */
  deadline?(sid: string): Promise<number>;
  /** Removes what has expired, and answers how many that was where the store tells. */
  prune?(): Promise<number | undefined>;
  /** Opens what `close` left, as the next process would. Absent where nothing is left. */
  reopen?(): Promise<Opened>;
  /** May be called again. */
  close?(): Promise<void> | void;
}

type Done = (error?: unknown) => void;

/** The methods of an express-session store that the trials call. */
export interface StoreFace {
  get(sid: string, callback: (error?: unknown, found?: unknown) => void): void;
  set(sid: string, session: SessionData, callback: (error?: unknown) => void): void;
  touch(sid: string, session: SessionData, callback: (error?: unknown) => void): void;
  destroy?(sid: string, callback: (error?: unknown) => void): void;
  all?(callback: (error?: unknown, found?: unknown) => void): void;
  /** One atomic step from the session that is stored to the one that shall be. */
  update?(sid: string, change: (session?: SessionData) => SessionData | undefined, callback: Done): void;
}

export interface Trial {
  readonly name: string;
  readonly about: string;
  /** Which of a subject's two kinds of write the trial does; absent: it only reads. */
  readonly writes?: 'save' | 'touch';
  /** Kinds of subjects for which it makes no sense. */
  readonly without?: readonly Subject['kind'][];
  /** Measured in the first round only: what it tells does not depend on how busy the machine is. */
  readonly once?: true;
  /** What it tells about a subject; absent: operations per second. */
  readonly tells?: 'heapBytes';
  /** Runs in the child process, after the gate. A throw disqualifies the subject, other than one of {@link Absent}. */
  run(opened: Opened, load: Load, tools: Tools): Promise<Sample>;
}

/** How hard a trial works. */
export interface Load {
  /** Sessions in the store while it is measured. */
  readonly sessions: number;
  /** Length of one session as JSON, its cookie included. */
  readonly bytes: number;
  /** Operations under way at any moment. */
  readonly concurrency: number;
  /** Connections of a trial that makes whole requests. */
  readonly connections: number;
  /** A measurement ends after so many seconds or so many operations, whichever comes first. */
  readonly seconds: number;
  readonly operations: number;
  /** Seconds of the same before it, unmeasured, so that the code is compiled and the caches are full. */
  readonly warmUp: number;
  /** Sessions in the trial that tells what memory they take. */
  readonly memorySessions?: number;
}

export interface Tools {
  /** Path of the compiled HTTP client. */
  readonly client: string;
  /** Waits until all processes that measure the same storage have come as far. */
  meet?(): Promise<void>;
}

/** One measurement. A trial may add figures of its own, such as percentiles. */
export interface Sample {
  readonly operations: number;
  readonly ms: number;
  readonly figures?: Readonly<Partial<Record<Figure, number>>>;
  /** What one should know who compares it with those of other subjects. */
  readonly note?: string;
}

/** Of one operation: processor time, latency; of a session: memory. Delays of the event loop are those beyond its turn. */
export type Figure = 'cpuMicroseconds' | 'p50Ms' | 'p99Ms' | 'loopP99Ms' | 'heapBytes' | 'rssBytes' | Act;

/** Of the trial growth: operations per second of each kind. */
export type Act = 'get' | 'set' | 'touch';

/** What a child process is told. */
export interface Job {
  readonly subject: string;
  readonly trial: string;
  readonly directory: string;
  readonly load: Load;
  readonly tools: Tools;
  /** Path of a compiled module with more subjects. */
  readonly more?: string | undefined;
  /** Whether it is one of a group, whose parent answers when it meets. */
  readonly grouped?: true;
}

/** What a child process answers. */
export type Outcome = { readonly sample: Sample } | { readonly disqualified: string };

/** What the HTTP client says when its warm-up is over, before its {@link Outcome}. */
export const WARM = 'warm';

/** A subject that breaks a promise of the store contract, or fails while it is measured. */
export class Disqualified extends Error {}

/** A subject cannot take part in a trial, and does not claim that it could. */
export class Absent extends Error {}

/** What comes of a pair in a round. */
export type Verdict = Outcome | { readonly absent: string };

/** What a process of a group says when it waits for the others, and is told when all have come. */
export const HERE = 'here';
