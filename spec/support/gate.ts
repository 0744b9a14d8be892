/** Lets nobody through before `count` have come. */
export function gate(count: number): () => Promise<void> {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  let left = count;
  return () => {
    left -= 1;
    if (left === 0) open();
    return opened;
  };
}
