package cairn.server.storage;

/**
 * What a backup of a store's storage consists of.
 *
 * @param bytes of all its files
 * @param linkedFiles of them: they are files of the original too, and take no space while the original has them
 * @param linkedBytes of these
 */
public record BackedUp(int files, long bytes, int linkedFiles, long linkedBytes) {
    /** Learns how far a backup is. */
    @FunctionalInterface
    public interface Progress {
        /** @param bytes of all its files */
        void update(long doneBytes, long bytes);
    }

    /** With one more file. */
    public BackedUp plus(long fileBytes, boolean isLinked) {
        return new BackedUp(
                files + 1,
                bytes + fileBytes,
                linkedFiles + (isLinked ? 1 : 0),
                linkedBytes + (isLinked ? fileBytes : 0));
    }
}
