package cairn.server.scrub;

import cairn.server.storage.ItemKey;
import cairn.server.storage.OrdinalSet;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** What a pass has found so far: counts are exact, lists end at their limits. Not for several threads. */
final class Findings {
    static final int ITEMS_MAX = 1000;
    static final int USES_MAX = 8;
    static final int DISKS_MAX = 500;
    static final int RANGES_MAX = 20;
    static final int PROBLEMS_MAX = 100;
    private static final int WHY_CHARS_MAX = 500;

    /** Items that have a place, and cannot be read there. */
    private final OrdinalSet damaged = new OrdinalSet();
    private final Map<Long, Damage.Item> listed = new TreeMap<>();
    /** Those that have none, by their keys. */
    private final Map<ItemKey, Damage.Item> missing = new LinkedHashMap<>();
    private final Map<Object, List<Damage.Use>> uses = new HashMap<>();
    private final OrdinalSet used = new OrdinalSet();
    private final Set<String> problems = new LinkedHashSet<>();
    private long problemsFound;

    void damaged(long ordinal, ItemKey key, String why) {
        if (damaged.add(ordinal) && listed.size() < ITEMS_MAX) {
            listed.put(ordinal, new Damage.Item(ordinal, key.toString(), shown(why), List.of()));
        }
    }

    boolean isDamaged(long ordinal) {
        return damaged.contains(ordinal);
    }

    /** All that have a place. Not to be changed. */
    OrdinalSet damaged() {
        return damaged;
    }

    void missing(ItemKey key) {
        if (missing.size() < ITEMS_MAX) {
            missing.putIfAbsent(
                    key, new Damage.Item(Damage.NOWHERE, key.toString(), "the index does not have it", List.of()));
        }
    }

    /** Forgets which items are damaged. @return which were, for somebody to look at them again */
    OrdinalSet takeDamaged() {
        OrdinalSet taken = damaged.copy();
        damaged.removeAll(taken);
        listed.clear();
        uses.clear();
        return taken;
    }

    /** Forgets what is damaged no more, or was removed. */
    void keepOnly(OrdinalSet ordinals) {
        OrdinalSet gone = damaged.copy();
        gone.removeAll(ordinals);
        damaged.removeAll(gone);
        listed.keySet().removeIf(gone::contains);
    }

    void problem(String what) {
        boolean isNew = problems.size() < PROBLEMS_MAX ? problems.add(shown(what)) : !problems.contains(shown(what));
        problemsFound += isNew ? 1 : 0;
    }

    /** Where an item that is damaged, or missing, is used. @param ordinal {@link Damage#NOWHERE} for a missing one */
    void use(long ordinal, ItemKey key, Damage.Use use) {
        if (ordinal != Damage.NOWHERE) {
            used.add(ordinal);
        }
        Object name = ordinal == Damage.NOWHERE ? key : Long.valueOf(ordinal);
        if (listed.containsKey(ordinal) || missing.containsKey(key)) {
            List<Damage.Use> known = uses.computeIfAbsent(name, each -> new ArrayList<>());
            if (known.size() < USES_MAX) {
                known.add(use);
            }
        }
    }

    Damage damage(List<Damage.Disk> disks, long damagedDisks) {
        List<Damage.Item> items = new ArrayList<>();
        missing.forEach((key, item) -> items.add(item.withUses(uses.getOrDefault(key, List.of()))));
        listed.forEach((ordinal, item) -> items.add(item.withUses(uses.getOrDefault(ordinal, List.of()))));
        return new Damage(
                damaged.size() + missing.size(),
                damaged.size() - used.size(),
                items.subList(0, Math.min(items.size(), ITEMS_MAX)),
                disks,
                damagedDisks,
                List.copyOf(problems),
                problemsFound);
    }

    private static String shown(String why) {
        return why.length() <= WHY_CHARS_MAX ? why : why.substring(0, WHY_CHARS_MAX - 3) + "...";
    }

    /** To go on from in another run. */
    State state() {
        return new State(
                OrdinalSets.encode(damaged), List.copyOf(listed.values()), List.copyOf(problems), problemsFound);
    }

    static Findings of(State state) {
        Findings findings = new Findings();
        findings.damaged.addAll(OrdinalSets.decode(state.damaged));
        state.items.forEach(item -> findings.listed.put(item.ordinal(), item));
        findings.problems.addAll(state.problems);
        findings.problemsFound = state.problemsFound;
        return findings;
    }

    /** To look at items again that may be damaged. @param known whatever else is wrong */
    static Findings suspecting(OrdinalSet ordinals, Damage known) {
        Findings findings = new Findings();
        findings.damaged.addAll(ordinals);
        findings.problems.addAll(known.problems());
        findings.problemsFound = known.problemsFound();
        return findings;
    }

    /** @param damaged as {@link OrdinalSets} writes them */
    record State(byte[] damaged, List<Damage.Item> items, List<String> problems, long problemsFound) {}
}
