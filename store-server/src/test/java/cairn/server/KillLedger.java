package cairn.server;

import cairn.api.Messages;
import cairn.client.StoreClient;
import cairn.image.SnapshotId;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Function;
import java.util.function.Predicate;

/**
 * What a store that is killed again and again was asked for, and what it has acknowledged; and so what may be found in
 * it. Safe for threads.
 *
 * <p>Each thing has a name of its own, under which it is found though the answer that told its id never came.
 */
final class KillLedger {
    /** What was done, of which it is counted how often it was acknowledged. */
    enum Deed {
        PUSH, EBS_START, EBS_BLOCK, EBS_COMPLETE, WRITE, WRITE_FUA, WRITE_ZEROES, FLUSH, VOLUME, VOLUME_SNAPSHOT, VOLUME_IMAGE,
        REMOVE_IMAGE, REMOVE_SNAPSHOT, REMOVE_PENDING, REMOVE_VOLUME, READ, GC_RUN
    }

    enum Kind {
        IMAGE,
        SNAPSHOT,
        /** A snapshot that is written by EBS direct, until it is completed. */
        PENDING,
        VOLUME
    }

    enum State {
        /** There or not. */
        ASKED,
        THERE,
        /** Its removal was asked for: there or not. */
        LEAVING,
        GONE
    }

    /** One of them. Guarded by itself, but for what never changes. */
    static final class Thing {
        final String name;
        Kind kind;
        State state = State.ASKED;
        /** Null until it is known. */
        String id;
        /** An image's; null until it is known. */
        String snapshot;
        SeededDisk disk;
        /** What it is if the change that was under way has come through, too; null where there was none. */
        SeededDisk perhaps;
        /** Of one that is written by EBS direct: blocks that were sent. */
        final Set<Integer> blocks = new HashSet<>();
        /** Of one that is written by EBS direct: the one by which it perhaps differs. */
        int blockUnderWay;
        /** Whether its completion was asked for. */
        boolean isCompleting;
        /** Whose thread changes it. */
        final int owner;

        private Thing(String name, Kind kind, SeededDisk disk, int owner) {
            this.name = name;
            this.kind = kind;
            this.disk = disk;
            this.owner = owner;
        }

        private synchronized Thing copy() {
            Thing copy = new Thing(name, kind, disk, owner);
            copy.state = state;
            copy.id = id;
            copy.snapshot = snapshot;
            copy.perhaps = perhaps;
            copy.blocks.addAll(blocks);
            copy.blockUnderWay = blockUnderWay;
            copy.isCompleting = isCompleting;
            return copy;
        }

        synchronized void there(String itsId) {
            id = itsId;
            state = State.THERE;
        }

        synchronized boolean is(State expected) {
            return state == expected;
        }

        synchronized boolean become(State from, State to) {
            boolean isSo = state == from;
            state = isSo ? to : state;
            return isSo;
        }

        synchronized SeededDisk disk() {
            return disk;
        }

        synchronized void changing(SeededDisk changed) {
            perhaps = changed;
        }

        synchronized void changed() {
            disk = perhaps;
            perhaps = null;
        }

        @Override
        public synchronized String toString() {
            return kind + " " + name + " (" + id + ", " + state + (perhaps == null ? "" : ", being changed") + ")";
        }
    }

    private final Map<String, Thing> things = new TreeMap<>();
    private final Set<String> goneIds = new HashSet<>();
    private final Map<Deed, LongAdder> deeds = new EnumMap<>(Deed.class);
    private long names;

    KillLedger() {
        for (Deed deed : Deed.values()) {
            deeds.put(deed, new LongAdder());
        }
    }

    /** What is in this one now. */
    synchronized KillLedger copy() {
        KillLedger copy = new KillLedger();
        things.values().forEach(thing -> copy.things.put(thing.name, thing.copy()));
        copy.goneIds.addAll(goneIds);
        copy.names = names;
        return copy;
    }

    void done(Deed deed) {
        deeds.get(deed).increment();
    }

    /** How often anything was acknowledged. */
    long count() {
        return deeds.values().stream().mapToLong(LongAdder::sum).sum();
    }

    String deeds() {
        StringBuilder all = new StringBuilder();
        deeds.forEach((deed, count) ->
                all.append(all.length() == 0 ? "" : ", ").append(count).append(' ').append(deed));
        return all.toString().toLowerCase(java.util.Locale.ROOT);
    }

    /** Something that is asked for now. */
    synchronized Thing ask(Kind kind, SeededDisk disk, int owner) {
        Thing thing = new Thing(String.format("t-%07d", ++names), kind, disk, owner);
        things.put(thing.name, thing);
        return thing;
    }

    /** It was refused, or its removal was answered. */
    synchronized void gone(Thing thing) {
        synchronized (thing) {
            thing.state = State.GONE;
            things.remove(thing.name);
            if (thing.id != null) {
                goneIds.add(thing.id);
            }
            if (thing.snapshot != null) {
                goneIds.add(thing.snapshot);
            }
        }
    }

    synchronized List<Thing> list(Predicate<Thing> wanted) {
        return new ArrayList<>(things.values().stream().filter(wanted).toList());
    }

    /** All disks that were acknowledged and can not be changed any more. */
    List<Thing> finished() {
        return list(thing -> (thing.kind == Kind.IMAGE || thing.kind == Kind.SNAPSHOT) && thing.is(State.THERE));
    }

    Optional<Thing> any(SplittableRandom random, List<Thing> some) {
        return some.isEmpty() ? Optional.empty() : Optional.of(some.get(random.nextInt(some.size())));
    }

    /**
     * Compares what a store that has come back lists with what it acknowledged. What was under way is from now on what
     * has become of it.
     *
     * @throws AssertionError for what is missing, has come back, or was never asked for
     */
    synchronized void reconcile(StoreClient client) {
        Set<Thing> found = new HashSet<>();
        Map<String, Thing> byId = new TreeMap<>();
        things.values().stream().filter(thing -> thing.id != null).forEach(thing -> byId.put(thing.id, thing));

        Set<String> snapshotsOfImages = new HashSet<>();
        for (Messages.Image image : images(client)) {
            Thing thing = find(byId, image.id(), image.name(), Kind.IMAGE);
            thing.there(image.id());
            thing.snapshot = image.snapshot();
            snapshotsOfImages.add(image.snapshot());
            found.add(thing);
        }
        for (Messages.Snapshot snapshot : snapshots(client)) {
            if (goneIds.contains(snapshot.id())) {
                throw new AssertionError("snapshot " + snapshot.id() + " was removed, and is there: " + snapshot);
            }
            if (!snapshotsOfImages.contains(snapshot.id())) {
                reconcile(client, snapshot, byId, found);
            }
        }
        for (Messages.Volume volume : volumes(client)) {
            Thing thing = find(byId, volume.id(), volume.tags().get("name"), Kind.VOLUME);
            thing.there(volume.id());
            found.add(thing);
        }
        for (Thing thing : List.copyOf(things.values())) {
            if (!found.contains(thing)) {
                if (thing.is(State.THERE)) {
                    throw new AssertionError(thing + " was acknowledged, and is not there");
                }
                gone(thing);
            }
        }
    }

    private void reconcile(
            StoreClient client, Messages.Snapshot snapshot, Map<String, Thing> byId, Set<Thing> found) {
        if (snapshot.state().equals(Messages.Snapshot.ERROR)) {
            // Of a volume, and not made when the server was killed. It is told of until it is removed.
            client.removeSnapshot(new SnapshotId(snapshot.id()));
            return;
        }
        Thing thing = byId.containsKey(snapshot.id()) ? byId.get(snapshot.id()) : things.get(snapshot.description());
        if (thing == null) {
            throw new AssertionError("nobody asked for " + snapshot);
        }
        boolean isCompleted = snapshot.state().equals(Messages.Snapshot.COMPLETED);
        if (thing.kind == Kind.IMAGE || !isCompleted && thing.kind != Kind.PENDING) {
            throw new AssertionError(thing + " is found as " + snapshot);
        }
        if (isCompleted && thing.kind == Kind.PENDING) {
            if (!thing.isCompleting) {
                throw new AssertionError(thing + " was never said to be complete: " + snapshot);
            }
            thing.kind = Kind.SNAPSHOT;
        }
        thing.isCompleting = false;
        thing.there(snapshot.id());
        found.add(thing);
    }

    private Thing find(Map<String, Thing> byId, String id, String name, Kind kind) {
        if (goneIds.contains(id)) {
            throw new AssertionError(kind + " " + id + " (" + name + ") was removed, and is there");
        }
        Thing thing = byId.containsKey(id) ? byId.get(id) : things.get(name);
        if (thing == null || thing.kind != kind || thing.id != null && !thing.id.equals(id)) {
            throw new AssertionError("nobody asked for " + kind + " " + id + " (" + name + "); known: " + thing);
        }
        return thing;
    }

    private static List<Messages.Image> images(StoreClient client) {
        return all(client::images, Messages.ImageList::images, Messages.ImageList::next);
    }

    private static List<Messages.Snapshot> snapshots(StoreClient client) {
        return all(client::snapshots, Messages.SnapshotList::snapshots, Messages.SnapshotList::next);
    }

    private static List<Messages.Volume> volumes(StoreClient client) {
        return all(client::volumes, Messages.VolumeList::volumes, Messages.VolumeList::next);
    }

    private static <P, T> List<T> all(Function<String, P> page, Function<P, List<T>> items, Function<P, String> next) {
        List<T> all = new ArrayList<>();
        String after = "";
        while (after != null) {
            P some = page.apply(after);
            all.addAll(items.apply(some));
            after = next.apply(some);
        }
        return all;
    }
}
