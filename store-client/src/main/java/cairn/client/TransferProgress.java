package cairn.client;

/** Hears how far a disk has come. Called by one thread at a time, from threads of the transfer's own. */
@FunctionalInterface
public interface TransferProgress {
    /**
     * @param doneBytes of the disk, in the unit of {@code totalBytes}
     * @param movedBytes over the network so far
     */
    void update(long doneBytes, long totalBytes, long movedBytes);

    static TransferProgress none() {
        return (doneBytes, totalBytes, movedBytes) -> {};
    }
}
