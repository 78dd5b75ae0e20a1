package cairn.server.instance;

import static cairn.Fault.NOT_FOUND;

import cairn.StoreException;
import cairn.image.InstanceId;
import cairn.server.account.Access;
import cairn.server.account.Access.Right;
import cairn.server.account.Caller;
import cairn.server.image.CatalogPages;
import cairn.server.image.Changes;
import cairn.server.image.TaggedRecords;
import cairn.server.image.TaggedResources;
import cairn.server.storage.Catalog;
import cairn.server.storage.Catalog.Change;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * The instances of a store: one catalog record each. An instance is its owner's and the root account's, in its region;
 * all others are told that it does not exist. One that is terminated is still told of for an hour. Safe for threads.
 */
public final class InstanceRegistry {
    /** How long a terminated instance is told of. */
    static final Duration TOLD_AFTER_END = Duration.ofHours(1);

    private static final String PREFIX = "instance/";

    private final Catalog catalog;
    private final Clock clock;

    public InstanceRegistry(Catalog catalog, Clock clock) {
        this.catalog = catalog;
        this.clock = clock;
    }

    Instant now() {
        return clock.instant().truncatedTo(ChronoUnit.MILLIS);
    }

    static Change keep(Instance instance) {
        return new Change.PutIfAbsent(key(instance.id()), InstanceRecords.encode(instance));
    }

    /** @throws StoreException NOT_FOUND if there is none that the caller may see */
    public Instance read(Caller caller, InstanceId id) {
        return find(caller, id)
                .orElseThrow(() -> new StoreException(NOT_FOUND, "there is no instance " + id));
    }

    /** Nothing if there is none that the caller may see. */
    public Optional<Instance> find(Caller caller, InstanceId id) {
        return find(id).filter(instance -> Access.may(caller, Right.SEE, instance));
    }

    /** Whoever owns it. */
    Optional<Instance> find(InstanceId id) {
        return catalog.find(key(id)).map(InstanceRecords::instance).filter(instance -> !isForgotten(instance));
    }

    /** All that the caller may see, in the order of their ids. */
    public List<Instance> list(Caller caller) {
        return all().stream().filter(instance -> Access.may(caller, Right.SEE, instance)).toList();
    }

    /** Whoever owns them. */
    List<Instance> all() {
        return pages().list("", Integer.MAX_VALUE, InstanceRecords::instance, instance -> !isForgotten(instance));
    }

    private CatalogPages pages() {
        return new CatalogPages(catalog, PREFIX);
    }

    private boolean isForgotten(Instance instance) {
        return instance.state() == InstanceState.TERMINATED
                && !instance.stateAt().plus(TOLD_AFTER_END).isAfter(clock.instant());
    }

    /**
     * Changes what may change about an instance.
     *
     * @param change may be called more than once, where others change the instance too; what it throws is passed on
     * @throws StoreException NOT_FOUND if there is none that the caller may see
     */
    public Instance change(Caller caller, InstanceId id, UnaryOperator<Instance> change) {
        read(caller, id);
        return change(id, change);
    }

    /** The tags of instances. */
    public TaggedResources tagged() {
        return new TaggedRecords<>(
                catalog,
                PREFIX,
                InstanceId.PREFIX,
                new TaggedRecords.Form<>(
                        InstanceRecords::instance, InstanceRecords::encode, Instance::tags, Instance::withTags),
                (caller, instance) -> !isForgotten(instance) && Access.may(caller, Right.SEE, instance));
    }

    /** Whoever owns it. */
    Instance change(InstanceId id, UnaryOperator<Instance> change) {
        return InstanceRecords.instance(Changes.change(
                catalog,
                key(id),
                entry -> InstanceRecords.encode(change.apply(InstanceRecords.instance(entry)))));
    }

    /** Removes the records of those that are no longer told of. @return their ids */
    List<InstanceId> removeForgotten() {
        List<Change> removals = new ArrayList<>();
        List<InstanceId> ids = new ArrayList<>();
        pages().forEach(entry -> {
            Instance instance = InstanceRecords.instance(entry);
            if (isForgotten(instance)) {
                removals.add(new Change.Delete(entry.key(), entry.version()));
                ids.add(instance.id());
            }
        });
        if (!removals.isEmpty()) {
            catalog.commit(removals);
        }
        return ids;
    }

    static String key(InstanceId id) {
        return PREFIX + id;
    }
}
