package cairn.server.storage;

/** The parts of one store's storage, opened and closed together. */
public interface Storage extends AutoCloseable {
    SegmentStore segments();

    ChunkIndex index();

    Catalog catalog();

    VolumeBlocks volumeBlocks();

    PendingBlocks pendingBlocks();

    /**
     * Bytes that can still be written, what is held in reserve not counted; {@link Long#MAX_VALUE} where there is no
     * such bound.
     */
    long usableBytes();

    /**
     * Forgets the open segment and lets go of everything, once what is under way has ended; what comes later fails with
     * SHUTTING_DOWN. Harmless when repeated.
     */
    @Override
    void close();
}
