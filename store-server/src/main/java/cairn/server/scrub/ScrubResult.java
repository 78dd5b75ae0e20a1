package cairn.server.scrub;

import java.time.Instant;

/**
 * What a scrub has found, in numbers.
 *
 * @param items that were read
 * @param bytes that were read of them
 * @param pages of trees that were looked at
 * @param recordsMade records of pages' children that could not be read, and were made anew
 */
public record ScrubResult(
        Instant begunAt,
        Instant endedAt,
        long items,
        long bytes,
        long pages,
        long recordsMade,
        long damagedItems,
        long damagedDisks,
        long problemsFound) {
    static ScrubResult of(Instant begunAt, Instant endedAt, ScrubPass pass, Damage found) {
        return new ScrubResult(
                begunAt,
                endedAt,
                pass.progress().items(),
                pass.progress().bytes(),
                pass.pages(),
                pass.recordsMade(),
                found.damagedItems(),
                found.damagedDisks(),
                found.problemsFound());
    }

    public boolean foundNothing() {
        return damagedItems == 0 && damagedDisks == 0 && problemsFound == 0;
    }
}
