package cairn.server.upload;

import static cairn.Fault.SHUTTING_DOWN;

import cairn.StoreException;
import java.time.Instant;

/**
 * Counts a snapshot's blocks, those on their way and those written. Its lock is never held over anything that waits for
 * a disk, so that whoever syncs the blocks of all can tell it of each. Safe for threads.
 */
final class WrittenBlocks {
    private static final int PERCENT_MAX = 100;

    private Instant lastUsedAt;
    private int onTheirWay;
    private long written;
    private int progressPercent;

    WrittenBlocks(Instant startedAt) {
        this.lastUsedAt = startedAt;
    }

    synchronized void begin(Instant now) {
        lastUsedAt = now;
        onTheirWay++;
    }

    synchronized void end(boolean isWritten, Instant now) {
        lastUsedAt = now;
        onTheirWay--;
        written += isWritten ? 1 : 0;
        notifyAll();
    }

    synchronized void touch(Instant now) {
        lastUsedAt = now;
    }

    /** What the writer says. It never goes back. */
    synchronized void setProgress(int percent) {
        progressPercent = Math.max(progressPercent, Math.min(PERCENT_MAX, percent));
    }

    synchronized boolean areOnTheirWay() {
        return onTheirWay > 0;
    }

    synchronized Instant lastUsedAt() {
        return lastUsedAt;
    }

    synchronized long count() {
        return written;
    }

    synchronized int progressPercent() {
        return progressPercent;
    }

    /** Waits for blocks on their way, of which there come no more. */
    synchronized void await() {
        try {
            while (onTheirWay > 0) {
                wait();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new StoreException(SHUTTING_DOWN, "the server is going down", e);
        }
    }
}
