import { expect } from 'chai';
import { sourceOf, withSource } from '../../lib/internal/source-of.js';

describe('sourceOf', () => {
  it('is the store that promises were made of, and any other object itself', () => {
    const [promised, store] = [{}, {}];
    expect(withSource(promised, store)).to.equal(promised);
    expect(sourceOf(promised)).to.equal(store);
    expect(sourceOf(store)).to.equal(store);
  });
});
