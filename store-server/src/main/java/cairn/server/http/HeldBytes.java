package cairn.server.http;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/** The bytes that bodies and replies in progress may hold together; whoever asks first gets first. Safe for threads. */
final class HeldBytes {
    private final Deque<Reservation> waiting = new ArrayDeque<>();
    private long freeBytes;

    /** Bytes that somebody holds, or waits for. */
    static final class Reservation {
        private final long bytes;
        private final Runnable granted;
        private boolean isHeld;
        private boolean isAtOnce;

        private Reservation(long bytes, Runnable granted) {
            this.bytes = bytes;
            this.granted = granted;
        }

        /** Whether there was room when it was asked for, so that nobody will be told. */
        boolean isAtOnce() {
            return isAtOnce;
        }
    }

    HeldBytes(long bytesMax) {
        this.freeBytes = bytesMax;
    }

    /**
     * Reserves bytes, now or when there is room.
     *
     * @param granted called once if there is no room now but later, on whatever thread makes it; must not block or
     * throw
     */
    synchronized Reservation reserve(long bytes, Runnable granted) {
        Reservation reservation = new Reservation(bytes, granted);
        if (!waiting.isEmpty() || bytes > freeBytes) {
            waiting.add(reservation);
            return reservation;
        }
        freeBytes -= bytes;
        reservation.isHeld = true;
        reservation.isAtOnce = true;
        return reservation;
    }

    /** Gives back what is held, or stops waiting for it. Harmless when repeated. */
    void release(Reservation reservation) {
        List<Reservation> served = new ArrayList<>();
        synchronized (this) {
            if (reservation.isHeld) {
                reservation.isHeld = false;
                freeBytes += reservation.bytes;
            } else {
                waiting.remove(reservation);
            }
            while (!waiting.isEmpty() && waiting.peek().bytes <= freeBytes) {
                Reservation next = waiting.remove();
                next.isHeld = true;
                freeBytes -= next.bytes;
                served.add(next);
            }
        }
        served.forEach(next -> next.granted.run());
    }
}
