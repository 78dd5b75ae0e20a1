package cairn.server.sim;

import cairn.Fault;
import cairn.StoreException;
import cairn.server.sim.SimDisk.Outcome;
import cairn.server.storage.BackedUp;
import cairn.server.storage.Catalog;
import cairn.server.storage.ChunkIndex;
import cairn.server.storage.Notes;
import cairn.server.storage.PendingBlocks;
import cairn.server.storage.SegmentStore;
import cairn.server.storage.Storage;
import cairn.server.storage.VolumeBlocks;
import java.nio.file.Path;
import java.util.function.Consumer;
import java.util.function.Function;

/** The storage of one run of a server on a simulated disk. Once that has ended everything fails with SHUTTING_DOWN. */
final class SimStorage implements Storage {
    private final SimDisk disk;
    private final int generation;
    private final SimSegments segments = new SimSegments(this);
    private final SimIndex index = new SimIndex(this);
    private final SimCatalog catalog = new SimCatalog(this);
    private final SimVolumeBlocks volumeBlocks = new SimVolumeBlocks(this);
    private final SimPendingBlocks pendingBlocks = new SimPendingBlocks(this);
    private final SimNotes notes = new SimNotes(this);

    SimStorage(SimDisk disk, int generation) {
        this.disk = disk;
        this.generation = generation;
    }

    SimDisk disk() {
        return disk;
    }

    void pass() {
        disk.pass(generation);
    }

    <T> T read(Function<SimState, T> look) {
        disk.pass(generation);
        return disk.read(look);
    }

    /** A write that survives a crash, with all before it, if it is to be synced. @throws StoreException NO_SPACE */
    void write(boolean isSynced, Consumer<SimState> change) {
        disk.pass(generation);
        Outcome outcome = disk.outcome();
        if (outcome == Outcome.REFUSED) {
            throw SimDisk.full();
        }
        writeNow(isSynced, change);
        if (outcome == Outcome.FAILED_BUT_MADE) {
            throw SimDisk.full();
        }
        disk.pass(generation);
    }

    /** Without looking whether there is space, and without letting others come first. */
    void writeNow(boolean isSynced, Consumer<SimState> change) {
        disk.write(generation, change);
        if (isSynced) {
            disk.sync();
        }
    }

    void writeThrough(Consumer<SimState> change) {
        disk.writeThrough(generation, change);
    }

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
    public BackedUp backup(Path folder, BackedUp.Progress progress) {
        throw new StoreException(Fault.INVALID_REQUEST, "what is simulated has no files to copy");
    }

    @Override
    public long usableBytes() {
        return Long.MAX_VALUE;
    }

    @Override
    public void close() {
        disk.close(generation);
    }
}
