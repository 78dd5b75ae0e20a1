package cairn.server.sim;

import static cairn.Fault.NO_SPACE;
import static cairn.Fault.SHUTTING_DOWN;

import cairn.StoreException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * A disk that loses, in a crash, the last of what was written since the last sync. All that is written goes into one
 * log in order, as it does in RocksDB; what has been synced survives, and of the rest any first part.
 *
 * <p>Every call of a {@link SimStorage} passes here first: others may have their turn then, the disk may be full, or
 * the process may end.
 */
final class SimDisk {
    /** What a call that writes comes to. */
    enum Outcome {
        DONE,
        /** It fails, and nothing has been written. */
        REFUSED,
        /** It fails, and all has been written nonetheless. */
        FAILED_BUT_MADE
    }

    /** One of so many notes is lost in a crash, and as many are what they were before. */
    private static final int NOTE_FATES = 6;

    private final Random random;
    private final Runnable turn;
    /** Guarded by {@code this}, as are all below. */
    private SimState live = new SimState();
    private final SimState durable = new SimState();
    private final List<Consumer<SimState>> log = new ArrayList<>();
    /** What each note was, in order. */
    private final Map<String, Deque<Optional<byte[]>>> notes = new TreeMap<>();
    private long nextSegment = 1;
    private int generation;
    private boolean isOpen;
    private int callsUntilEnd = Integer.MAX_VALUE;
    private double failureRate;
    private boolean isWatched;
    private long calls;
    private long losses;

    /** @param turn called wherever others may come first */
    SimDisk(Random random, Runnable turn) {
        this.random = random;
        this.turn = turn;
    }

    /** The storage of one run of a server. */
    synchronized SimStorage open() {
        isOpen = true;
        callsUntilEnd = Integer.MAX_VALUE;
        return new SimStorage(this, ++generation);
    }

    synchronized int generation() {
        return generation;
    }

    /** How often a call that writes finds the disk full. */
    synchronized void setFailureRate(double rate) {
        failureRate = rate;
    }

    /** The process ends at a later call. */
    synchronized void endAfter(int someCalls) {
        callsUntilEnd = someCalls;
    }

    /** While somebody looks who is no part of the run, the process does not end. */
    synchronized void setWatched(boolean willBe) {
        isWatched = willBe;
    }

    /** How often anything may have been lost that was not committed. */
    synchronized long losses() {
        return losses;
    }

    /** Counts as such a time. */
    synchronized void lost() {
        losses++;
    }

    synchronized boolean isOpen() {
        return isOpen;
    }

    synchronized long calls() {
        return calls;
    }

    /** Ends the process in order: everything is synced. */
    synchronized void close(int ofGeneration) {
        if (isOpen && generation == ofGeneration) {
            sync();
            isOpen = false;
        }
    }

    /** Ends the process where it is. */
    synchronized void cut() {
        isOpen = false;
    }

    /** Forgets some of what was written last. Numbers of segments that were given are not given again. */
    synchronized void crash() {
        isOpen = false;
        losses++;
        int kept = random.nextInt(log.size() + 1);
        log.subList(0, kept).forEach(change -> change.accept(durable));
        log.clear();
        live = durable.copy();
        nextSegment += random.nextInt(3);
        notes.values().forEach(this::forget);
    }

    private void forget(Deque<Optional<byte[]>> note) {
        int fate = random.nextInt(NOTE_FATES);
        if (fate == 0) {
            note.addLast(Optional.empty());
        } else if (fate == 1 && note.size() > 1) {
            note.removeLast();
        }
        while (note.size() > 1) {
            note.removeFirst();
        }
    }

    synchronized Optional<byte[]> findNote(String name) {
        Deque<Optional<byte[]>> note = notes.get(name);
        return note == null || note.isEmpty() ? Optional.empty() : note.getLast().map(byte[]::clone);
    }

    synchronized void putNote(String name, Optional<byte[]> bytes) {
        Deque<Optional<byte[]>> note = notes.computeIfAbsent(name, absent -> new ArrayDeque<>());
        note.addLast(bytes);
        if (note.size() > 2) {
            note.removeFirst();
        }
    }

    /** Lets others come first. To be called where a call begins, and where one that has written ends. */
    void pass(int ofGeneration) {
        turn.run();
        synchronized (this) {
            requireOpen(ofGeneration);
            calls++;
            if (!isWatched && --callsUntilEnd <= 0) {
                isOpen = false;
                requireOpen(ofGeneration);
            }
        }
    }

    private void requireOpen(int ofGeneration) {
        if (!isOpen || generation != ofGeneration) {
            throw new StoreException(SHUTTING_DOWN, "the simulated storage is closed");
        }
    }

    synchronized Outcome outcome() {
        if (failureRate == 0 || random.nextDouble() >= failureRate) {
            return Outcome.DONE;
        }
        losses++;
        return random.nextBoolean() ? Outcome.REFUSED : Outcome.FAILED_BUT_MADE;
    }

    static StoreException full() {
        return new StoreException(NO_SPACE, "the simulated disk is full");
    }

    synchronized <T> T read(Function<SimState, T> look) {
        return look.apply(live);
    }

    /** Writes to the end of the log. */
    synchronized void write(int ofGeneration, Consumer<SimState> change) {
        requireOpen(ofGeneration);
        change.accept(live);
        log.add(change);
    }

    /** Writes beside the log: it survives whatever becomes of that. */
    synchronized void writeThrough(int ofGeneration, Consumer<SimState> change) {
        requireOpen(ofGeneration);
        change.accept(live);
        change.accept(durable);
    }

    /** Whatever is in the log survives. */
    synchronized void sync() {
        log.forEach(change -> change.accept(durable));
        log.clear();
    }

    synchronized long nextSegment() {
        return nextSegment;
    }

    synchronized long takeSegment() {
        return nextSegment++;
    }
}
