package cairn.server.nbd;

import io.netty.channel.EventLoop;
import io.netty.util.concurrent.ScheduledFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;

/**
 * One connection's requests in flight, from when one begins until its reply is in the socket; the bytes of their
 * replies; and those of payloads, from when they are about to come in until they are written. On the connection's event
 * loop, but for what the budget calls.
 */
final class InFlight implements ByteBudget.Holder {
    /** What the connection does about it. */
    interface Owner {
        /** What found no room may try again, at once. */
        void mayTryAgain();

        /** There is more room than before; not the moment to use it. */
        void bytesEnded();

        /** The client neither reads nor sends while others wait for what it holds. */
        void closeAsStalled(long heldBytes);
    }

    private final EventLoop eventLoop;
    private final NbdLimits limits;
    private final ByteBudget budget;
    private final Owner owner;

    private int requests;
    private long bytes;
    /** Of {@code bytes}, those beyond the connection's own: what it holds of the budget. */
    private long sharedBytes;
    /** Granted by the budget, and not yet used. */
    private long grantedBytes;
    private boolean isWaiting;
    private boolean isClosed;
    private ScheduledFuture<?> stallCheck;

    private int repliesUnsent;
    /** Room has been made for payload that has not all come yet. */
    private boolean isReceiving;
    private long progressNanos;

    InFlight(EventLoop eventLoop, NbdLimits limits, ByteBudget budget, Owner owner) {
        this.eventLoop = eventLoop;
        this.limits = limits;
        this.budget = budget;
        this.owner = owner;
    }

    int requests() {
        return requests;
    }

    /** Begins a request, if there is room for its reply; otherwise the owner is told when to try the same one again. */
    boolean tryBegin(long replyBytes) {
        boolean isFull = requests == limits.requestsMax();
        if (isFull || requests > 0 && bytes + replyBytes > limits.connectionBytesMax()) {
            return false;
        }
        if (!tryAdd(replyBytes)) {
            return false;
        }
        requests++;
        return true;
    }

    /**
     * Makes room for payload of a request that has begun, if there is any; otherwise the owner is told when to try the
     * same again.
     */
    boolean tryReceive(long payloadBytes) {
        boolean isFull = bytes > 0 && bytes + payloadBytes > limits.connectionBytesMax();
        if (isFull || !tryAdd(payloadBytes)) {
            return false;
        }
        received(false);
        return true;
    }

    private boolean tryAdd(long someBytes) {
        long neededBytes = Math.max(0, bytes + someBytes - limits.ownBytes()) - sharedBytes;
        if (!take(neededBytes)) {
            return false;
        }
        bytes += someBytes;
        sharedBytes += neededBytes;
        return true;
    }

    private boolean take(long neededBytes) {
        if (neededBytes == 0) {
            stopWaiting();
            return true;
        }
        if (grantedBytes >= neededBytes) {
            giveBack(grantedBytes - neededBytes);
            grantedBytes = 0;
            return true;
        }
        if (isWaiting) {
            return false;
        }
        isWaiting = !budget.takeOrWait(this, neededBytes);
        if (isWaiting && stallCheck == null) {
            scheduleStallCheck();
        }
        return !isWaiting;
    }

    /** Payload has come: some of what there is room for, or all of it. */
    void received(boolean isAll) {
        isReceiving = !isAll;
        progressNanos = System.nanoTime();
    }

    /** Payload has been written, or given up. */
    void endBytes(long payloadBytes) {
        giveUp(payloadBytes);
        owner.bytesEnded();
    }

    /** The reply is on its way to the socket. */
    void replyQueued() {
        if (repliesUnsent++ == 0) {
            progressNanos = System.nanoTime();
        }
    }

    /** The reply is in the socket, or can not get there any more. */
    void replySent(long replyBytes) {
        repliesUnsent--;
        progressNanos = System.nanoTime();
        end(replyBytes);
    }

    /** A request has ended. */
    void end(long replyBytes) {
        requests--;
        giveUp(replyBytes);
    }

    private void giveUp(long someBytes) {
        bytes -= someBytes;
        long stillShared = Math.max(0, bytes - limits.ownBytes());
        giveBack(sharedBytes - stillShared);
        sharedBytes = stillShared;
    }

    /** Nothing begins any more; what is in flight still ends one by one. */
    void close() {
        isClosed = true;
        stopWaiting();
    }

    private void stopWaiting() {
        // If the bytes have been granted meanwhile, they are given back when we hear of it.
        if (isWaiting && budget.stopWaiting(this)) {
            isWaiting = false;
        }
        if (stallCheck != null) {
            stallCheck.cancel(false);
            stallCheck = null;
        }
    }

    private void giveBack(long some) {
        if (some > 0) {
            budget.giveBack(this, some);
        }
    }

    @Override
    public void granted(long some) {
        try {
            eventLoop.execute(() -> useGranted(some));
        } catch (RejectedExecutionException e) {
            budget.giveBack(this, some);
        }
    }

    private void useGranted(long some) {
        isWaiting = false;
        grantedBytes = some;
        if (!isClosed) {
            owner.mayTryAgain();
        }
        giveBack(grantedBytes);
        grantedBytes = 0;
    }

    private void scheduleStallCheck() {
        stallCheck = eventLoop.schedule(this::checkStall, limits.stallTimeout().toMillis(), TimeUnit.MILLISECONDS);
    }

    private void checkStall() {
        stallCheck = null;
        if (isWaiting && !isClosed) {
            budget.askHoldersToYield();
            scheduleStallCheck();
        }
    }

    @Override
    public void yieldIfStalled() {
        try {
            eventLoop.execute(this::closeIfStalled);
        } catch (RejectedExecutionException e) {
            // The loop has ended, and its connections with it.
        }
    }

    private void closeIfStalled() {
        long stalledNanos = System.nanoTime() - progressNanos;
        boolean isClientsTurn = repliesUnsent > 0 || isReceiving;
        if (sharedBytes > 0 && isClientsTurn && stalledNanos >= limits.stallTimeout().toNanos()) {
            owner.closeAsStalled(sharedBytes);
        }
    }
}
