package cairn.server.storage;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;

/** A segment store that knows what was read and by which thread, and that can hold a reader back. */
public final class WatchedSegmentStore extends ForwardingSegmentStore {
    /** Called by each reader before it reads; may block. */
    public volatile Runnable beforeRead = () -> {};
    private final List<Read> reads = new ArrayList<>();

    /** An item that was read. */
    public record Read(String thread, ItemKey key) {}

    public WatchedSegmentStore(SegmentStore inner) {
        super(inner);
    }

    /** The chunks that threads of this name have read so far, those that lay between wanted ones too. */
    public synchronized List<ItemKey> chunksReadBy(String threadPrefix) {
        return reads.stream()
                .filter(read -> read.thread.startsWith(threadPrefix) && read.key.kind() == ItemKey.CHUNK_KIND)
                .map(Read::key)
                .toList();
    }

    /** Returns when threads of this name have read all of some chunks. */
    public synchronized void awaitChunks(String threadPrefix, Collection<ItemKey> chunks) throws InterruptedException {
        while (!new HashSet<>(chunksReadBy(threadPrefix)).containsAll(chunks)) {
            wait();
        }
    }

    private synchronized void add(List<ItemKey> keys) {
        keys.forEach(key -> reads.add(new Read(Thread.currentThread().getName(), key)));
        notifyAll();
    }

    @Override
    public byte[] read(long ordinal, ItemKey key) {
        beforeRead.run();
        byte[] packed = inner.read(ordinal, key);
        add(List.of(key));
        return packed;
    }

    @Override
    public List<Item> readRun(long fromOrdinal, long untilOrdinal, long bytesMax) {
        beforeRead.run();
        List<Item> items = inner.readRun(fromOrdinal, untilOrdinal, bytesMax);
        add(items.stream().map(Item::key).toList());
        return items;
    }
}
