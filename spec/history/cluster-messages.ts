/** What the primary of a cluster (cluster.ts) and its workers (cluster-worker.ts) say to each other. */
import type { SessionOptions } from 'express-session';

export type ClusterOptions = Partial<Omit<SessionOptions, 'store'>>;

/** From a worker: a request stopped at a step. */
export interface Parked {
  readonly parked: string;
}

/** To a worker: that request goes on. */
export interface Go {
  readonly go: string;
}

/** The header that tells which worker answered. */
export const WORKER = 'x-worker';
