package cairn.server.gc;

import cairn.server.storage.BackedUp;
import cairn.server.storage.Catalog;
import cairn.server.storage.ChunkIndex;
import cairn.server.storage.ForwardingCatalog;
import cairn.server.storage.ForwardingChunkIndex;
import cairn.server.storage.ForwardingSegmentStore;
import cairn.server.storage.Notes;
import cairn.server.storage.PendingBlocks;
import cairn.server.storage.SegmentStore;
import cairn.server.storage.Storage;
import cairn.server.storage.VolumeBlocks;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/** A storage whose power fails before or behind one of the changes that are made to it; nothing changes after that. */
final class CutStorage implements Storage {
    private final Storage inner;
    private int stepsLeft;

    /** What is thrown where the power has failed. */
    static final class Cut extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    /** @param steps each change is two: one before it, one behind */
    CutStorage(Storage inner, int steps) {
        this.inner = inner;
        this.stepsLeft = steps;
    }

    /** Whether the power has not failed. */
    boolean isOn() {
        return stepsLeft >= 0;
    }

    private <T> T change(Supplier<T> change) {
        step();
        T result = change.get();
        step();
        return result;
    }

    private void change(Runnable change) {
        change(() -> {
            change.run();
            return null;
        });
    }

    private void step() {
        if (--stepsLeft < 0) {
            stepsLeft = -1;
            throw new Cut();
        }
    }

    @Override
    public SegmentStore segments() {
        return new ForwardingSegmentStore(inner.segments()) {
            @Override
            public long rewrite(List<Extent> extents, Rewriting how) {
                return change(() -> inner.rewrite(extents, how));
            }
        };
    }

    @Override
    public ChunkIndex index() {
        return new ForwardingChunkIndex(inner.index()) {
            @Override
            public int removeAll(List<Row> rows, List<Long> pageOrdinals) {
                return change(() -> inner.removeAll(rows, pageOrdinals));
            }
        };
    }

    @Override
    public Catalog catalog() {
        return new ForwardingCatalog(inner.catalog()) {
            @Override
            public void commit(List<Change> changes) {
                change(() -> inner.commit(changes));
            }
        };
    }

    @Override
    public Notes notes() {
        Notes notes = inner.notes();
        return new Notes() {
            @Override
            public Optional<byte[]> find(String name) {
                return notes.find(name);
            }

            @Override
            public void put(String name, byte[] bytes) {
                change(() -> notes.put(name, bytes));
            }

            @Override
            public void remove(String name) {
                change(() -> notes.remove(name));
            }
        };
    }

    @Override
    public VolumeBlocks volumeBlocks() {
        return inner.volumeBlocks();
    }

    @Override
    public PendingBlocks pendingBlocks() {
        return inner.pendingBlocks();
    }

    @Override
    public BackedUp backup(Path folder, BackedUp.Progress progress) {
        return inner.backup(folder, progress);
    }

    @Override
    public long usableBytes() {
        return inner.usableBytes();
    }

    @Override
    public void close() {}
}
