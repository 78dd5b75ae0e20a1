package cairn.server.storage;

/** The three parts of one store's storage, opened and closed together. */
public interface Storage extends AutoCloseable {
    SegmentStore segments();

    ChunkIndex index();

    Catalog catalog();

    /** Bytes that can still be written; {@link Long#MAX_VALUE} where there is no such bound. */
    long usableBytes();

    @Override
    void close();
}
