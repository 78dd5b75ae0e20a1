package cairn.server;

import cairn.server.WriteHistory.Change;
import java.io.IOException;
import java.net.URI;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.Semaphore;

/**
 * Writes to a volume, over a connection of its own, until that breaks off or enough is done, and records what it does.
 * Several of them change sectors of one volume at a time, each its own ones: in the volume's first part, which they
 * share, short runs of sectors in turn, so that most blocks of 4 KiB belong to two writers; behind it a part of its own
 * for long runs.
 */
final class RecordingWriter implements Runnable {
    private static final int SHARED_SECTORS = 4 << 11;
    private static final int OWN_SECTORS = 4 << 11;
    /** Shorter than a block, and no divisor of it. */
    private static final int RUN_SECTORS = 5;
    private static final int LONG_RUN_SECTORS_MAX = 1 << 9;

    private final URI disk;
    private final WriteHistory history;
    private final int number;
    private final int writers;
    private final SplittableRandom random;
    private final Semaphore answered;
    private final int requestsMax;

    /**
     * @param number from 0 on, of this one of so many writers
     * @param answered gets a permit for each request that was answered
     */
    RecordingWriter(URI disk, WriteHistory history, int number, int writers, long seed, Semaphore answered) {
        this(disk, history, number, writers, seed, answered, Integer.MAX_VALUE);
    }

    /** @param requestsMax after which it leaves */
    RecordingWriter(
            URI disk, WriteHistory history, int number, int writers, long seed, Semaphore answered, int requestsMax) {
        this.disk = disk;
        this.history = history;
        this.number = number;
        this.writers = writers;
        this.random = new SplittableRandom(seed * 31 + number);
        this.answered = answered;
        this.requestsMax = requestsMax;
    }

    /** How large the volume has to be. */
    static long sizeBytes(int writers) {
        return (SHARED_SECTORS + (long) OWN_SECTORS * writers) * WriteHistory.SECTOR_BYTES;
    }

    /** @throws AssertionError if the server refuses a request */
    @Override
    public void run() {
        try (NbdDisk connection = NbdDisk.open(disk)) {
            for (int n = 0; n < requestsMax; n++) {
                request(connection);
                answered.release();
            }
        } catch (NbdDisk.Refused e) {
            throw new AssertionError("writer " + number + ": " + e.getMessage(), e);
        } catch (IOException e) {
            // The server has died; what was answered until then is recorded.
            return;
        }
    }

    private void request(NbdDisk connection) throws IOException {
        boolean isLong = random.nextInt(4) == 0;
        long run = random.nextInt(SHARED_SECTORS / RUN_SECTORS / writers) * (long) writers + number;
        long from = isLong ? SHARED_SECTORS + (long) OWN_SECTORS * number : run * RUN_SECTORS;
        int sectors = isLong ? OWN_SECTORS : RUN_SECTORS;
        int skipped = random.nextInt(sectors);
        long first = from + skipped;
        int count = 1 + random.nextInt(Math.min(sectors - skipped, LONG_RUN_SECTORS_MAX));
        boolean isDurable = random.nextInt(10) == 0;
        int choice = random.nextInt(100);
        if (choice < 7) {
            List<Change> covered = history.beginFlush();
            connection.flush();
            history.flushed(covered);
        } else if (choice < 15) {
            Change trim = history.beginTrim(first, count);
            connection.trim(offset(first), bytes(count), isDurable);
            history.done(trim, isDurable);
        } else if (choice < 25) {
            Change zeros = history.beginZeros(first, count);
            connection.zero(offset(first), bytes(count), random.nextBoolean(), isDurable);
            history.done(zeros, isDurable);
        } else {
            Change data = history.beginData(first, count);
            connection.write(offset(first), WriteHistory.bytesOf(data, first, count), isDurable);
            history.done(data, isDurable);
        }
    }

    private static long offset(long sector) {
        return sector * WriteHistory.SECTOR_BYTES;
    }

    private static int bytes(int sectors) {
        return sectors * WriteHistory.SECTOR_BYTES;
    }
}
