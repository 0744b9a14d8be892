import { expect } from 'chai';
import { ChangedFields } from '../../lib/internal/changed-fields.js';
import { failureOf } from '../support/folder.js';

describe('ChangedFields', () => {
  it('works on a copy', () => {
    const base = { nested: { list: [1] } };
    const fields = new ChangedFields(base);
    (fields.current['nested'] as typeof base.nested).list.push(2);
    expect(base).to.deep.equal({ nested: { list: [1] } });
  });

  it('is changed by a change at any depth, by a mark and by clear, and not by a change that was undone', () => {
    const fields = new ChangedFields({ a: { b: 1 } });
    expect(fields.isChanged()).to.equal(false);
    (fields.current['a'] as { b: number }).b = 2;
    expect(fields.isChanged()).to.equal(true);
    fields.current['a'] = { b: 1 };
    fields.current['not JSON'] = undefined;
    expect(fields.isChanged()).to.equal(false);
    fields.mark();
    expect(fields.isChanged()).to.equal(true);
    const cleared = new ChangedFields({});
    cleared.clear();
    expect(cleared.isChanged()).to.equal(true);
  });

  it('merges what it had at the snapshot with what is stored', () => {
    const fields = new ChangedFields({ a: 1, b: 1 });
    fields.current['a'] = 2;
    const merge = fields.snapshot();
    fields.current['a'] = 3;
    expect(merge({ a: 1, b: 5, c: 5 })).to.deep.equal({ a: 2, b: 5, c: 5 });
  });

  it('leaves nothing of theirs after clear', () => {
    const fields = new ChangedFields({ a: 1 });
    fields.clear();
    fields.current['b'] = 1;
    expect(fields.snapshot()({ a: 1, c: 5 })).to.deep.equal({ b: 1 });
  });

  it('refuses what is no JSON', async () => {
    const fields = new ChangedFields({});
    fields.current['big'] = 1n;
    for (const act of [() => fields.isChanged(), () => fields.snapshot()])
      expect(await failureOf(act)).to.include({ code: 'SESSILE_SERIALIZE' });
  });
});
