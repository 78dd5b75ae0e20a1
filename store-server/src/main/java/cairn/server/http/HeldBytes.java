package cairn.server.http;

import java.util.ArrayDeque;
import java.util.Deque;

/** The bytes that bodies and replies in progress may hold together; whoever asks first gets first. Safe for threads. */
final class HeldBytes {
    private final Deque<Waiter> waiting = new ArrayDeque<>();
    private long freeBytes;

    private record Waiter(long bytes, Runnable granted) {}

    HeldBytes(long bytesMax) {
        this.freeBytes = bytesMax;
    }

    /** Reserves bytes, now or when there is room. @param granted runs on whatever thread makes room; must not block */
    void reserve(long bytes, Runnable granted) {
        synchronized (this) {
            if (!waiting.isEmpty() || bytes > freeBytes) {
                waiting.add(new Waiter(bytes, granted));
                return;
            }
            freeBytes -= bytes;
        }
        granted.run();
    }

    void release(long bytes) {
        Deque<Waiter> served = new ArrayDeque<>();
        synchronized (this) {
            freeBytes += bytes;
            while (!waiting.isEmpty() && waiting.peek().bytes <= freeBytes) {
                freeBytes -= waiting.peek().bytes;
                served.add(waiting.remove());
            }
        }
        served.forEach(waiter -> waiter.granted.run());
    }

    synchronized long freeBytes() {
        return freeBytes;
    }
}
