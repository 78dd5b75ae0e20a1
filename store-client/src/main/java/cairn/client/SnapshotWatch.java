package cairn.client;

import static cairn.Fault.NOT_FOUND;
import static cairn.Fault.UNAVAILABLE;

import cairn.Fault;
import cairn.StoreException;
import cairn.api.Messages.Snapshot;
import cairn.image.SnapshotId;

/** Waits for a snapshot that a store makes in the background, asking for it again and again. */
public final class SnapshotWatch {
    private static final long FIRST_PAUSE_MILLIS = 10;
    private static final long LONGEST_PAUSE_MILLIS = 500;
    private static final int PERCENT = 100;

    private final StoreClient client;
    private final Retry retry;

    public SnapshotWatch(StoreClient client, Retry retry) {
        this.client = client;
        this.retry = retry;
    }

    /**
     * Waits until a snapshot is completed.
     *
     * @param started as the store has answered when it began
     * @throws StoreException INTERNAL, with what the store says, if it could not be made; UNAVAILABLE if the store was
     *     started anew meanwhile
     */
    public Snapshot await(Snapshot started, TransferProgress progress) {
        SnapshotId id = new SnapshotId(started.id());
        Snapshot now = started;
        long pauseMillis = FIRST_PAUSE_MILLIS;
        while (now.state().equals(Snapshot.PENDING)) {
            tell(now, progress);
            pause(pauseMillis, id);
            pauseMillis = Math.min(2 * pauseMillis, LONGEST_PAUSE_MILLIS);
            now = ask(id);
        }
        if (!now.state().equals(Snapshot.COMPLETED)) {
            throw new StoreException(Fault.INTERNAL, "snapshot " + id + " could not be made: " + now.failure());
        }
        return now;
    }

    private Snapshot ask(SnapshotId id) {
        try {
            return retry.call(() -> client.snapshot(id));
        } catch (StoreException e) {
            if (e.fault() == NOT_FOUND) {
                throw new StoreException(
                        UNAVAILABLE,
                        "the server ended before snapshot " + id + " was made; the volume has lost nothing, try again",
                        e);
            }
            throw e;
        }
    }

    private static void tell(Snapshot now, TransferProgress progress) {
        long totalBytes = now.changedBytes() == null ? 0 : now.changedBytes();
        int percent = now.progressPercent() == null ? 0 : now.progressPercent();
        progress.update(totalBytes / PERCENT * percent, totalBytes, 0);
    }

    private static void pause(long millis, SnapshotId id) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new StoreException(UNAVAILABLE, "interrupted while snapshot " + id + " was made", e);
        }
    }
}
