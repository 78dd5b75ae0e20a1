package cairn.server.volume;

import java.time.Instant;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * Notes which chunks are touched, in the order in which each is touched first, until the time is over or there are too
 * many. A chunk that has been noted costs a look at a table, without a lock. Safe for threads.
 */
final class BootRecorder {
    private static final int TABLE_SLOTS_MIN = 512;
    /** No table is fuller than half. */
    private static final AtomicLongArray NO_TABLE = new AtomicLongArray(1);

    /** Why a recorder notes nothing more. */
    enum End {
        /** It still does. */
        NONE,
        /** The user of the disk has left. */
        LEFT,
        TIME_OVER,
        /** A chunk more was touched than is noted: nothing boots like that. */
        TOO_MANY
    }

    private final Instant startedAt;
    private final long endMillis;
    private final LongSupplier millis;
    private final Consumer<BootRecorder> ended;

    /** Open addressing; a slot holds a position plus 1, or 0. Read by anyone, written under the lock. */
    private volatile AtomicLongArray table = new AtomicLongArray(TABLE_SLOTS_MIN);
    private volatile End end = End.NONE;
    private long[] order = new long[TABLE_SLOTS_MIN / 2];
    private int count;

    /**
     * @param millis tells the time
     * @param ended called once, when nothing more will be noted, by whoever notices; must not block
     */
    BootRecorder(long lastingMillis, LongSupplier millis, Consumer<BootRecorder> ended) {
        long now = millis.getAsLong();
        this.startedAt = Instant.ofEpochMilli(now);
        this.endMillis = now + lastingMillis;
        this.millis = millis;
        this.ended = ended;
    }

    /** Notes a chunk by its position. Does not block. */
    void touched(long position) {
        if (end == End.NONE && !isNoted(table, position)) {
            note(position);
        }
    }

    private static boolean isNoted(AtomicLongArray table, long position) {
        for (int slot = slotOf(table, position); ; slot = slot + 1 & table.length() - 1) {
            long there = table.getOpaque(slot);
            if (there == 0 || there == position + 1) {
                return there != 0;
            }
        }
    }

    private static int slotOf(AtomicLongArray table, long position) {
        return (int) (position * 0x9e3779b97f4a7c15L >>> 32) & table.length() - 1;
    }

    private void note(long position) {
        synchronized (this) {
            if (end != End.NONE || isNoted(table, position)) {
                return;
            }
            if (millis.getAsLong() >= endMillis) {
                stop(End.TIME_OVER);
            } else if (count == BootOrder.CHUNKS_MAX) {
                stop(End.TOO_MANY);
            } else {
                add(position);
                return;
            }
        }
        ended.accept(this);
    }

    private void add(long position) {
        if (2 * (count + 1) > table.length()) {
            AtomicLongArray larger = new AtomicLongArray(2 * table.length());
            for (int i = 0; i < count; i++) {
                put(larger, order[i]);
            }
            table = larger;
            order = Arrays.copyOf(order, larger.length() / 2);
        }
        order[count++] = position;
        put(table, position);
    }

    private static void put(AtomicLongArray table, long position) {
        int slot = slotOf(table, position);
        while (table.getPlain(slot) != 0) {
            slot = slot + 1 & table.length() - 1;
        }
        table.setOpaque(slot, position + 1);
    }

    private void stop(End why) {
        end = why;
        table = NO_TABLE;
    }

    /** Ends the recording, if it has not ended. */
    void leave() {
        endWith(End.LEFT);
    }

    /** Ends the recording if its time is over, though nothing is being touched. */
    void endIfOver() {
        if (end == End.NONE && millis.getAsLong() >= endMillis) {
            endWith(End.TIME_OVER);
        }
    }

    private void endWith(End why) {
        synchronized (this) {
            if (end != End.NONE) {
                return;
            }
            stop(why);
        }
        ended.accept(this);
    }

    End end() {
        return end;
    }

    Instant startedAt() {
        return startedAt;
    }

    /** What was noted so far. */
    synchronized BootOrder order() {
        return BootOrder.of(Arrays.copyOf(order, count));
    }
}
