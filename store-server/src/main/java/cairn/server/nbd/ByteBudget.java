package cairn.server.nbd;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The bytes of replies and payloads in flight that all connections share. Whoever asks first is served first, so a
 * large read is not overtaken for ever by small ones. For any thread.
 */
final class ByteBudget {
    /** A connection. */
    interface Holder {
        /** What it has waited for is now its own. Called from any thread; must not block. */
        void granted(long bytes);

        /** Others are waiting: it closes, if its client does not take what it has asked for. As above. */
        void yieldIfStalled();
    }

    /** Who waits for how many bytes, in the order of asking. */
    private final Map<Holder, Long> waiting = new LinkedHashMap<>();
    private final Map<Holder, Long> held = new HashMap<>();
    private long freeBytes;

    ByteBudget(long sharedBytesMax) {
        freeBytes = sharedBytesMax;
    }

    /** Takes bytes at once or queues for them, which ends in {@link Holder#granted}; one queues once at a time. */
    synchronized boolean takeOrWait(Holder holder, long bytes) {
        if (!waiting.isEmpty() || bytes > freeBytes) {
            waiting.put(holder, bytes);
            return false;
        }
        take(holder, bytes);
        return true;
    }

    /** Stops waiting. Whoever gets false has been granted its bytes already, and will hear of it. */
    boolean stopWaiting(Holder holder) {
        boolean wasWaiting;
        synchronized (this) {
            wasWaiting = waiting.remove(holder) != null;
        }
        giveBack(holder, 0);
        return wasWaiting;
    }

    void giveBack(Holder holder, long bytes) {
        Map<Holder, Long> served;
        synchronized (this) {
            freeBytes += bytes;
            held.computeIfPresent(holder, (ignored, had) -> had == bytes ? null : Long.valueOf(had - bytes));
            served = serveWaiting();
        }
        served.forEach(Holder::granted);
    }

    /** Lets all who hold bytes say whether their clients still read. */
    void askHoldersToYield() {
        List<Holder> asked;
        synchronized (this) {
            asked = new ArrayList<>(held.keySet());
        }
        asked.forEach(Holder::yieldIfStalled);
    }

    synchronized long freeBytes() {
        return freeBytes;
    }

    synchronized int waiting() {
        return waiting.size();
    }

    private Map<Holder, Long> serveWaiting() {
        if (waiting.isEmpty()) {
            return Map.of();
        }
        Map<Holder, Long> served = new LinkedHashMap<>();
        Iterator<Map.Entry<Holder, Long>> next = waiting.entrySet().iterator();
        while (next.hasNext()) {
            Map.Entry<Holder, Long> first = next.next();
            if (first.getValue() > freeBytes) {
                break;
            }
            next.remove();
            take(first.getKey(), first.getValue());
            served.put(first.getKey(), first.getValue());
        }
        return served;
    }

    private void take(Holder holder, long bytes) {
        freeBytes -= bytes;
        held.merge(holder, bytes, Long::sum);
    }
}
