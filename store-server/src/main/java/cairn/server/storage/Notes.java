package cairn.server.storage;

import java.util.Optional;

/**
 * What is worth remembering and can be found out again: a few named blobs, each replaced as a whole. One that is lost
 * or damaged costs time and nothing else, so none is part of a backup. Safe for threads. Every method throws a {@link
 * cairn.StoreException} SHUTTING_DOWN once the storage is closed.
 */
public interface Notes {
    /** The longest blob. */
    int BYTES_MAX = 1 << 30;

    /** What was put last; nothing if there was none, or it is damaged. */
    Optional<byte[]> find(String name);

    /**
     * Puts a blob in place of the one before. After a crash there is one or the other, whole.
     *
     * @param name of lower-case letters and hyphens
     * @throws cairn.StoreException NO_SPACE; TOO_LARGE for more than {@link #BYTES_MAX}
     */
    void put(String name, byte[] bytes);

    /** Harmless where there is none. */
    void remove(String name);
}
