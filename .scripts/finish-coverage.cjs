// A worker of mocha writes its coverage when it exits, and is asked to end once more if that takes it over a second. It
// ends in any case; a file that is cut off would be left out of the coverage without a word.
if (process.env.MOCHA_WORKER_ID !== undefined) process.on('SIGTERM', () => {});
