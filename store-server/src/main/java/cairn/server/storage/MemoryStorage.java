package cairn.server.storage;

import cairn.Fault;
import cairn.StoreException;
import java.nio.file.Path;

/** Storage that keeps everything on the heap and nothing afterwards; for tests, and real enough for them. */
public final class MemoryStorage implements Storage {
    private final Door door = new Door();
    private final MemorySegmentStore segments = new MemorySegmentStore(door);
    private final MemoryChunkIndex index = new MemoryChunkIndex(door);
    private final MemoryCatalog catalog = new MemoryCatalog(door);
    private final MemoryVolumeBlocks volumeBlocks = new MemoryVolumeBlocks(door);
    private final MemoryPendingBlocks pendingBlocks = new MemoryPendingBlocks(door);
    private final MemoryNotes notes = new MemoryNotes(door);

    @Override
    public SegmentStore segments() {
        return segments;
    }

    @Override
    public ChunkIndex index() {
        return index;
    }

    @Override
    public Catalog catalog() {
        return catalog;
    }

    @Override
    public VolumeBlocks volumeBlocks() {
        return volumeBlocks;
    }

    @Override
    public PendingBlocks pendingBlocks() {
        return pendingBlocks;
    }

    @Override
    public Notes notes() {
        return notes;
    }

    @Override
    public long usableBytes() {
        return Long.MAX_VALUE;
    }

    @Override
    public BackedUp backup(Path folder, BackedUp.Progress progress) {
        throw new StoreException(Fault.INVALID_REQUEST, "what is kept in memory alone has no files to copy");
    }

    @Override
    public void close() {
        door.isClosed = true;
    }

    /** Whether this storage may still be used: one answer for all its parts. */
    static final class Door {
        private volatile boolean isClosed;

        void requireOpen() {
            if (isClosed) {
                throw new StoreException(Fault.SHUTTING_DOWN, "the storage is closed");
            }
        }
    }
}
