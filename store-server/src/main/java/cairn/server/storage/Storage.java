package cairn.server.storage;

import java.nio.file.Path;

/** The parts of one store's storage, opened and closed together. */
public interface Storage extends AutoCloseable {
    SegmentStore segments();

    ChunkIndex index();

    Catalog catalog();

    VolumeBlocks volumeBlocks();

    PendingBlocks pendingBlocks();

    Notes notes();

    /**
     * Bytes that can still be written, what is held in reserve not counted; {@link Long#MAX_VALUE} where there is no
     * such bound.
     */
    long usableBytes();

    /**
     * Puts a copy of all this, as it is at one moment between call and return, into a folder that is there, while
     * everything goes on. The copy can be opened as the original was. Files are linked where the file system has links,
     * and copied elsewhere; all of them, and the folder, are synced when this returns. After a failure, or a crash,
     * what is there already can not be opened, and is the caller's to remove.
     *
     * @throws cairn.StoreException NO_SPACE; INVALID_REQUEST for storage that is in no files; SHUTTING_DOWN if this
     *     thread is interrupted
     */
    BackedUp backup(Path folder, BackedUp.Progress progress);

    /**
     * Forgets the open segment and lets go of everything, once what is under way has ended; what comes later fails with
     * SHUTTING_DOWN. Harmless when repeated.
     */
    @Override
    void close();
}
