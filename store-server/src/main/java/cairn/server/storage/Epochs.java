package cairn.server.storage;

import java.util.HashSet;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.LongPredicate;
import java.util.function.LongSupplier;

/**
 * Who may still rely on what: decides, without a clock, that nobody is told of an item which is removed, and that
 * nothing is removed of which somebody was told.
 *
 * <p>Whoever writes holds a {@link Lease} from before the first question until after the commit that makes a root of
 * what was put. What a lease may rely on is either younger than the lease, so that its ordinal is not below the lowest
 * {@linkplain Lease#floorSegment floor}; or it was found in the index, and then it was <i>touched</i>: remembered by
 * its ordinal, in the epoch of that moment. An epoch begins with each cycle of the collector, and with leases, so that
 * what was touched is forgotten soon after the leases that relied on it. A cycle takes its {@link Horizon} first, and
 * then looks for roots; so whatever a lease relied on that had ended before is below a root that it sees, and whatever
 * a later one relies on is above the floor, or among the touched.
 *
 * <p>Safe for threads. Questions run side by side under a shared lock, which {@link #doom} takes for itself. Locks are
 * taken in this order: appending ({@link ChunkStore}), this one, the index, the database.
 */
public final class Epochs {
    private static final int STRIPES = 8;
    private static final int STRIPE_ORDINALS = 512;
    /** Epochs of which it is known what was touched in each; what is older counts as one. */
    private static final int EPOCHS_MAX = 256;

    private final LongSupplier openSegment;
    private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();
    /** Those that live. Guarded by itself; {@link #lock} is never asked for while it is held. */
    private final Set<Hold> holds = new HashSet<>();
    /** What was touched, by epoch. Guarded by itself. */
    private final TreeMap<Long, OrdinalSet> touched = new TreeMap<>();
    /** What was touched last. */
    private final Stripe[] stripes = new Stripe[STRIPES];

    /** Changed while {@link #holds} and {@link #touched} are held. */
    private volatile long epoch = 1;
    /** Null where nothing is. */
    private volatile LongPredicate doomed;
    private volatile Watch watch = new Watch(ordinal -> false, alarm -> {}, new OrdinalSet());

    /** Where a cycle begins: of what lies before it nobody who writes now was told in an epoch before. */
    public record Horizon(long epoch, long floorOrdinal) {}

    /** A condemned item was read: something still refers to it, which the last mark has not found. */
    public record Alarm(long ordinal, ItemKey key) {}

    /** What is condemned. @param resurrected what of it, or of what is doomed, writers have found; guarded by itself */
    private record Watch(LongPredicate condemned, Consumer<Alarm> alarm, OrdinalSet resurrected) {
        boolean isResurrected(long ordinal) {
            synchronized (resurrected) {
                return resurrected.contains(ordinal);
            }
        }

        OrdinalSet copyOfResurrected() {
            synchronized (resurrected) {
                return resurrected.copy();
            }
        }
    }

    /** What a lease keeps. */
    static final class Hold {
        private final long floorSegment;
        private final long epoch;
        private volatile boolean isOver;

        private Hold(long floorSegment, long epoch) {
            this.floorSegment = floorSegment;
            this.epoch = epoch;
        }

        long floorSegment() {
            return floorSegment;
        }

        boolean isOver() {
            return isOver;
        }
    }

    /** Ordinals on their way to a set, so that threads seldom wait for each other. */
    private static final class Stripe {
        private final long[] ordinals = new long[STRIPE_ORDINALS];
        private int count;
    }

    /** @param openSegment as {@link SegmentStore#openSegment} */
    Epochs(LongSupplier openSegment) {
        this.openSegment = openSegment;
        for (int i = 0; i < STRIPES; i++) {
            stripes[i] = new Stripe();
        }
        touched.put(epoch, new OrdinalSet());
    }

    Hold open() {
        return open(openSegment.getAsLong());
    }

    /** @param floorSegment the lowest that it may have written to */
    Hold open(long floorSegment) {
        synchronized (holds) {
            beginEpoch();
            Hold hold = new Hold(floorSegment, epoch);
            holds.add(hold);
            return hold;
        }
    }

    /** What is touched from now on counts for leases of this epoch; what was touched before may count for them, too. */
    private void beginEpoch() {
        flush();
        synchronized (touched) {
            if (touched.lastEntry().getValue().isEmpty()) {
                return;
            }
            epoch++;
            touched.put(epoch, new OrdinalSet());
            if (touched.size() > EPOCHS_MAX) {
                OrdinalSet oldest = touched.pollFirstEntry().getValue();
                oldest.addAll(touched.firstEntry().getValue());
                touched.put(touched.firstKey(), oldest);
            }
        }
    }

    void close(Hold hold) {
        synchronized (holds) {
            hold.isOver = true;
            holds.remove(hold);
        }
    }

    /** How many leases live. */
    public int leases() {
        synchronized (holds) {
            return holds.size();
        }
    }

    /** What lies below it no lease that lives can have put there. */
    public long floorOrdinal() {
        long floorSegment = openSegment.getAsLong();
        synchronized (holds) {
            for (Hold hold : holds) {
                floorSegment = Math.min(floorSegment, hold.floorSegment);
            }
        }
        return Ordinal.of(floorSegment, 0);
    }

    /** Begins an epoch, and forgets what was touched before the earliest that a lease still counts from. */
    public Horizon begin() {
        // What is appended from here on is not below it, whatever is sealed meanwhile.
        long floorSegment = openSegment.getAsLong();
        lock.writeLock().lock();
        try {
            flush();
            long from;
            synchronized (holds) {
                epoch++;
                from = epoch;
                for (Hold hold : holds) {
                    floorSegment = Math.min(floorSegment, hold.floorSegment);
                    from = Math.min(from, hold.epoch);
                }
                synchronized (touched) {
                    touched.put(epoch, new OrdinalSet());
                    touched.headMap(from).clear();
                }
            }
            return new Horizon(from, Ordinal.of(floorSegment, 0));
        } finally {
            lock.writeLock().unlock();
        }
    }

    /** A copy of what was touched since a horizon. */
    public OrdinalSet touched(Horizon since) {
        flush();
        OrdinalSet all = new OrdinalSet();
        synchronized (touched) {
            touched.tailMap(since.epoch()).values().forEach(all::addAll);
        }
        return all;
    }

    private void flush() {
        for (Stripe stripe : stripes) {
            synchronized (stripe) {
                flush(stripe);
            }
        }
    }

    private void flush(Stripe stripe) {
        synchronized (touched) {
            OrdinalSet now = touched.lastEntry().getValue();
            for (int i = 0; i < stripe.count; i++) {
                now.add(stripe.ordinals[i]);
            }
        }
        stripe.count = 0;
    }

    /**
     * Decides what is to be removed, while nobody asks for anything. As long as its row in the index is there a doomed
     * item may still be found, and then is doomed no more, nor is what is below it. Of what is {@link #resurrected}
     * nothing is doomed, whatever is decided. May be called again for the same horizon: the last decision counts.
     *
     * @param seen what was touched when it was last asked
     * @param decision given what was touched since; says which ordinals, all of them condemned by the last cycle, are
     *     doomed. It may call {@link #condemned}, so that this holds from the same moment on. It may ask the index, but
     *     no {@link Lease}
     */
    public void doom(Horizon horizon, OrdinalSet seen, Function<OrdinalSet, LongPredicate> decision) {
        lock.writeLock().lock();
        try {
            OrdinalSet since = touched(horizon);
            since.removeAll(seen);
            OrdinalSet kept = resurrected();
            LongPredicate decided = decision.apply(since);
            doomed = ordinal -> decided.test(ordinal) && !kept.contains(ordinal);
        } finally {
            lock.writeLock().unlock();
        }
    }

    /** Whether an item is doomed, and nobody has found it since. */
    public boolean isDoomed(long ordinal) {
        LongPredicate now = doomed;
        return now != null && now.test(ordinal) && !watch.isResurrected(ordinal);
    }

    /** Ends what {@link #doom} has begun. */
    public void undoom() {
        doomed = null;
    }

    /**
     * A copy of what writers have found, though it was condemned by what {@link #condemned} has said last, or doomed.
     */
    public OrdinalSet resurrected() {
        return watch.copyOfResurrected();
    }

    /**
     * Says which items nobody should want any more, instead of what was said before; a read of one is told. It counts
     * from now on what writers find of them.
     *
     * @param isCondemned asked by any number of threads
     */
    public void condemned(LongPredicate isCondemned, Consumer<Alarm> alarm) {
        lock.writeLock().lock();
        try {
            // What was found of what is doomed already stays found.
            watch = new Watch(isCondemned, alarm, doomed == null ? new OrdinalSet() : resurrected());
        } finally {
            lock.writeLock().unlock();
        }
    }

    /** Locked while somebody looks for what they then {@link #touch}. */
    Lock asking() {
        return lock.readLock();
    }

    /** Locked while what nobody may find meanwhile is removed. */
    Lock removing() {
        return lock.writeLock();
    }

    /** Remembers that somebody relies on an item. Only while {@link #asking}. */
    void touch(long ordinal) {
        Stripe stripe = stripes[(int) Thread.currentThread().getId() & STRIPES - 1];
        synchronized (stripe) {
            if (stripe.count == STRIPE_ORDINALS) {
                flush(stripe);
            }
            stripe.ordinals[stripe.count++] = ordinal;
        }
    }

    /** Whether an item is condemned or doomed, and no writer has found it since. */
    boolean isCondemned(long ordinal) {
        return isCondemned(ordinal, watch);
    }

    private boolean isCondemned(long ordinal, Watch now) {
        LongPredicate nowDoomed = doomed;
        return (now.condemned.test(ordinal) || nowDoomed != null && nowDoomed.test(ordinal))
                && !now.isResurrected(ordinal);
    }

    /** A writer relies on an item that was condemned, and on all below it. Only while {@link #asking}. */
    void resurrect(long ordinal) {
        touch(ordinal);
        Watch now = watch;
        synchronized (now.resurrected) {
            now.resurrected.add(ordinal);
        }
    }

    /** To be called for what is read. */
    void watch(long ordinal, ItemKey key) {
        Watch now = watch;
        if (isCondemned(ordinal, now)) {
            now.alarm.accept(new Alarm(ordinal, key));
        }
    }
}
