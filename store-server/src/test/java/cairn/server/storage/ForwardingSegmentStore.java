package cairn.server.storage;

import java.util.List;

/** A segment store that hands on to another what its subclass does not do itself. */
public class ForwardingSegmentStore implements SegmentStore {
    protected final SegmentStore inner;

    public ForwardingSegmentStore(SegmentStore inner) {
        this.inner = inner;
    }

    @Override
    public long append(ItemKey key, byte[] packed, int offset, int lengthBytes) {
        return inner.append(key, packed, offset, lengthBytes);
    }

    @Override
    public long openBytes() {
        return inner.openBytes();
    }

    @Override
    public void seal() {
        inner.seal();
    }

    @Override
    public void abandon() {
        inner.abandon();
    }

    @Override
    public byte[] read(long ordinal, ItemKey key) {
        return inner.read(ordinal, key);
    }

    @Override
    public List<Item> readRun(long fromOrdinal, long untilOrdinal, long bytesMax) {
        return inner.readRun(fromOrdinal, untilOrdinal, bytesMax);
    }

    @Override
    public long storedBytes() {
        return inner.storedBytes();
    }

    @Override
    public long openSegment() {
        return inner.openSegment();
    }

    @Override
    public List<Extent> extents() {
        return inner.extents();
    }

    @Override
    public long rewrite(List<Extent> extents, Rewriting how) {
        return inner.rewrite(extents, how);
    }

    @Override
    public void heal(long ordinal, ItemKey key, byte[] packed, int offset, int lengthBytes) {
        inner.heal(ordinal, key, packed, offset, lengthBytes);
    }
}
