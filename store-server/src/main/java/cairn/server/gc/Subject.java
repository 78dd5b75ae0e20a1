package cairn.server.gc;

import cairn.image.AccountId;
import cairn.server.gc.Holder.Tree;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * What is to be explained: all that some holders keep, or one tree of theirs.
 *
 * @param shown for people, in case that there is none
 * @param isIts which holders are concerned
 * @param tree its id; empty: all of theirs, and what is in no tree yet
 * @param mayHoldNothing whether it is there even if no holder is its
 */
public record Subject(String shown, Predicate<Holder> isIts, Optional<String> tree, boolean mayHoldNothing) {
    /** An image, or a volume. */
    public static Subject ofHolder(Holder.Kind kind, String id) {
        return new Subject(
                kind + " " + id, holder -> holder.kind() == kind && holder.id().equals(id), Optional.empty(), false);
    }

    public static Subject ofAccount(AccountId id) {
        return new Subject("account " + id, holder -> holder.account().equals(id), Optional.empty(), true);
    }

    /** A snapshot, whether images name it or not, or it is still being written. */
    public static Subject ofSnapshot(String id) {
        return new Subject(
                "snapshot " + id,
                holder -> holder.id().equals(id) || holder.trees().stream().anyMatch(tree -> tree.id().equals(id)),
                Optional.of(id),
                false);
    }

    boolean has(Holder holder) {
        return isIts.test(holder);
    }

    boolean has(Holder holder, Tree its) {
        return has(holder) && tree.filter(id -> !id.equals(its.id())).isEmpty();
    }

    boolean hasPendingOf(Holder holder) {
        return has(holder) && tree.filter(id -> !id.equals(holder.id())).isEmpty();
    }
}
