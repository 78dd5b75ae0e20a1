package cairn.server.volume;

import static cairn.Fault.CONFLICT;
import static cairn.Fault.INVALID_REQUEST;
import static cairn.Fault.SHUTTING_DOWN;

import cairn.Fault;
import cairn.StoreException;
import cairn.server.storage.DomainId;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/**
 * The writable volumes in use, each open once. One that nobody uses any more is forgotten when what was queued for it
 * is written, or is used again. Safe for threads.
 */
final class LiveVolumes {
    private final VolumeParts parts;
    private final ConcurrentHashMap<Long, Slot> slots = new ConcurrentHashMap<>();
    private volatile boolean isClosed;

    LiveVolumes(VolumeParts parts) {
        this.parts = parts;
    }

    /** As {@link Volumes#live}. */
    LiveVolume live(long number, Supplier<VolumeState> state) {
        while (true) {
            Slot slot = slots.computeIfAbsent(number, Slot::new);
            slot.lock.lock();
            try {
                if (!slot.isGone) {
                    return slot.use(state);
                }
            } finally {
                slot.lock.unlock();
            }
        }
    }

    /** As {@link Volumes#whileUnused}. */
    void whileUnused(long number, Runnable action) {
        while (true) {
            Slot slot = slots.computeIfAbsent(number, Slot::new);
            slot.lock.lock();
            try {
                if (!slot.isGone) {
                    slot.whileUnused(action);
                    return;
                }
            } finally {
                slot.lock.unlock();
            }
        }
    }

    /** As {@link Volumes#clients}. */
    int clients(long number) {
        Slot slot = slots.get(number);
        return slot == null ? 0 : slot.clients;
    }

    /** As {@link Volumes#freeze}. */
    List<LiveVolume.PointInTime> freeze(List<LiveVolume.Freezing> wanted) {
        List<Use> begun = new ArrayList<>();
        boolean isFrozen = false;
        try {
            // In one order, whoever asks: so nobody waits in a circle.
            wanted.stream()
                    .sorted(Comparator.comparing(each -> useOf(each).slot.number))
                    .forEach(each -> {
                        requireOnce(begun, useOf(each));
                        useOf(each).beginSnapshot(each.into());
                        begun.add(useOf(each));
                    });
            List<LiveVolume.PointInTime> moments = takeMoment(wanted);
            isFrozen = true;
            return moments;
        } catch (CompletionException e) {
            throw Fault.cause(e) instanceof StoreException failure ? failure : e;
        } finally {
            if (!isFrozen) {
                begun.forEach(Use::endSnapshot);
            }
        }
    }

    private static Use useOf(LiveVolume.Freezing wanted) {
        return (Use) wanted.volume();
    }

    private static void requireOnce(List<Use> begun, Use next) {
        if (begun.stream().anyMatch(each -> each.slot.number == next.slot.number)) {
            throw new StoreException(
                    INVALID_REQUEST, WritableVolume.nameOf(next.slot.number) + " is named more than once");
        }
    }

    /**
     * Holds all their queues before it looks at one: a write that has been answered before another was sent is then in
     * the snapshots if the other is, whichever volumes they go to.
     */
    private static List<LiveVolume.PointInTime> takeMoment(List<LiveVolume.Freezing> wanted) {
        List<QueuedChange.Hold> holds =
                wanted.stream().map(each -> useOf(each).volume.queue().hold()).toList();
        try {
            holds.forEach(hold -> hold.held().join());
            wanted.forEach(each -> useOf(each).volume.learn());
            return wanted.stream()
                    .map(each -> useOf(each).snapshotOf(useOf(each).volume.beginLayer(), each.into()))
                    .toList();
        } finally {
            holds.forEach(QueuedChange.Hold::letGo);
        }
    }

    /** Takes no more changes, and returns when all that came before are completed. */
    void close() {
        isClosed = true;
        List<CompletableFuture<Void>> closing = new ArrayList<>();
        for (Slot slot : slots.values()) {
            slot.lock.lock();
            try {
                if (slot.volume != null && !slot.isGone) {
                    closing.add(slot.volume.queue().close());
                }
            } finally {
                slot.lock.unlock();
            }
        }
        CompletableFuture.allOf(closing.toArray(CompletableFuture<?>[]::new))
                .exceptionally(failure -> null)
                .join();
    }

    /** How many volumes are open. */
    int openCount() {
        return slots.size();
    }

    private void requireOpen() {
        if (isClosed) {
            throw new StoreException(SHUTTING_DOWN, "the server is going down");
        }
    }

    /** One volume's place. What may change is guarded by the lock, which nobody holds for long while there are uses. */
    private final class Slot {
        private final long number;
        private final ReentrantLock lock = new ReentrantLock();
        private final Semaphore snapshots = new Semaphore(1);
        private WritableVolume volume;
        /** Whoever needs the volume open. */
        private int uses;
        /** Read without the lock too: whoever only counts neither waits for an opening nor stands in anybody's way. */
        private volatile int clients;
        /** This slot is not the volume's any more: look again. */
        private boolean isGone;

        Slot(long number) {
            this.number = number;
        }

        Use use(Supplier<VolumeState> state) {
            try {
                requireOpen();
                if (volume == null) {
                    volume = WritableVolume.open(parts, state.get());
                }
                uses++;
                return new Use(this, volume);
            } finally {
                if (volume == null) {
                    leave();
                }
            }
        }

        void whileUnused(Runnable action) {
            if (uses > 0) {
                throw new StoreException(CONFLICT, WritableVolume.nameOf(number) + " is in use" + users());
            }
            try {
                requireOpen();
                if (volume != null) {
                    volume.queue().addTurn(volume::endHere).join();
                }
                action.run();
            } catch (CompletionException e) {
                throw Fault.cause(e) instanceof StoreException failure ? failure : e;
            } finally {
                leave();
            }
        }

        private String users() {
            boolean isSnapshotMade = snapshots.availablePermits() == 0;
            if (clients == 0) {
                return isSnapshotMade
                        ? ": a snapshot of it is being made"
                        : ": somebody looks at it or is about to begin";
            }
            return ", by " + clients + (clients == 1 ? " client" : " clients")
                    + (isSnapshotMade ? ", and a snapshot of it is being made" : "");
        }

        private void leave() {
            isGone = true;
            slots.remove(number, this);
        }

        void begin(boolean isClient) {
            lock.lock();
            try {
                uses++;
                clients += isClient ? 1 : 0;
            } finally {
                lock.unlock();
            }
        }

        void end(boolean isClient) {
            boolean isLast;
            lock.lock();
            try {
                clients -= isClient ? 1 : 0;
                uses--;
                isLast = uses == 0;
            } finally {
                lock.unlock();
            }
            if (isLast) {
                volume.queue().addTurn(this::leaveIfUnused);
            }
        }

        /** Called on the volume's writing thread, between two batches; whoever has the lock wants the volume. */
        private void leaveIfUnused() {
            if (lock.tryLock()) {
                try {
                    if (uses == 0 && !isGone) {
                        volume.endHere();
                        leave();
                    }
                } finally {
                    lock.unlock();
                }
            }
        }
    }

    /** One use of a volume. */
    private final class Use implements LiveVolume {
        private final Slot slot;
        private final WritableVolume volume;
        private final AtomicBoolean isEnded = new AtomicBoolean();

        Use(Slot slot, WritableVolume volume) {
            this.slot = slot;
            this.volume = volume;
        }

        @Override
        public Volume connect(boolean mayWrite, Optional<BootedImage> image) {
            requireUse();
            slot.begin(true);
            Boot boot = image.map(volume::boot).orElseGet(Boot::unknown);
            return new ClientVolume(volume, mayWrite, () -> {
                boot.close();
                slot.end(true);
            });
        }

        @Override
        public int clients() {
            return slot.clients;
        }

        @Override
        public long dirtyBytes() {
            return volume.view().rowBytes();
        }

        @Override
        public PointInTime freeze() {
            return freeze(volume.domain());
        }

        @Override
        public PointInTime freeze(DomainId into) {
            return LiveVolumes.this.freeze(List.of(new Freezing(this, into))).get(0);
        }

        /** Waits until no other snapshot is made, then counts as one. */
        void beginSnapshot(DomainId into) {
            requireUse();
            try {
                slot.snapshots.acquire();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new StoreException(SHUTTING_DOWN, "waiting for another snapshot was broken off", e);
            }
            slot.begin(false);
            boolean isReady = false;
            try {
                volume.storeSurplus(into);
                isReady = true;
            } finally {
                if (!isReady) {
                    endSnapshot();
                }
            }
        }

        PointInTime snapshotOf(VolumeView frozen, DomainId into) {
            return new VolumeSnapshot(volume, frozen, into, LiveVolumes.this::requireOpen, this::endSnapshot);
        }

        private void endSnapshot() {
            slot.snapshots.release();
            slot.end(false);
        }

        private void requireUse() {
            requireOpen();
            if (isEnded.get()) {
                throw new StoreException(
                        SHUTTING_DOWN, "this use of " + WritableVolume.nameOf(slot.number) + " has ended");
            }
        }

        @Override
        public void close() {
            if (isEnded.compareAndSet(false, true)) {
                slot.end(false);
            }
        }
    }
}
