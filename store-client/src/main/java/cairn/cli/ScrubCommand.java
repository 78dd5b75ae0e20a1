package cairn.cli;

import cairn.Fault;
import cairn.StoreException;
import cairn.api.DamageText;
import cairn.api.ScrubMessages.Damage;
import cairn.api.ScrubMessages.Result;
import cairn.api.ScrubMessages.Scrub;
import cairn.api.ScrubMessages.ScrubAction;
import cairn.client.StoreClient;
import java.time.Duration;
import java.time.Instant;
import java.util.Objects;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
        name = "scrub",
        description = {
            "Read everything that the store keeps and prove it; say which images are damaged, and where.",
            "The status is 1 if anything is damaged. The server does the same by itself now and then."
        })
final class ScrubCommand extends StoreCommand {
    private static final long FIRST_PAUSE_MILLIS = 20;
    private static final long LONGEST_PAUSE_MILLIS = 500;

    @ArgGroup
    private Instead instead = new Instead();

    @Option(names = "--no-wait", description = "begin, and do not wait for the end")
    private boolean isNoWait;

    @Option(names = "--json", description = "print a JSON object")
    private boolean isJson;

    /** What is done instead of scrubbing. */
    private static final class Instead {
        @Option(names = "--status", description = "say how far the scrub under way is, and what the last one found")
        private boolean isStatus;

        @Option(names = "--damaged", description = "list what is damaged now, and say what to do")
        private boolean isDamaged;

        @Option(
                names = "--pause",
                description = "have the server read no more, until --resume; also when it starts again")
        private boolean isPause;

        @Option(names = "--resume", description = "go on")
        private boolean isResume;
    }

    /** @param last what the scrub found @param damage what is left of that */
    private record Found(Result last, Damage damage) {}

    ScrubCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run(StoreClient client) {
        if (instead.isPause || instead.isResume) {
            show(client.scrub(new ScrubAction(instead.isPause ? ScrubAction.PAUSE : ScrubAction.RESUME)));
            return DONE;
        }
        if (instead.isStatus) {
            Scrub status = client.scrub();
            show(status);
            return status.last() == null || isClean(status.last()) ? DONE : FAILED;
        }
        if (instead.isDamaged) {
            Damage damage = client.damage();
            if (client.scrub().last() == null) {
                terminal.err().println("Nothing has been looked at yet: `cairn scrub` does, now.");
            }
            if (isJson) {
                printJson(damage);
            } else {
                print(damage);
            }
            return DamageText.findings(damage).isEmpty() ? DONE : FAILED;
        }
        return scrub(client);
    }

    private int scrub(StoreClient client) {
        Scrub idle = client.scrub();
        Result before = idle.last();
        if (idle.isPaused()) {
            terminal.err().println("The pause ends with this.");
        }
        Scrub begun = client.scrub(new ScrubAction(ScrubAction.RUN));
        if (isNoWait) {
            show(begun);
            return DONE;
        }
        Result last = await(client, begun, before);
        Damage damage = client.damage();
        if (isJson) {
            printJson(new Found(last, damage));
        } else {
            print(last);
            print(damage);
        }
        return isClean(last) ? DONE : FAILED;
    }

    private Result await(StoreClient client, Scrub begun, Result before) {
        Scrub now = begun;
        long pauseMillis = FIRST_PAUSE_MILLIS;
        try (ProgressLine line = new ProgressLine(terminal, "scrub")) {
            while (now.failure() == null && (now.begunAt() != null || Objects.equals(before, now.last()))) {
                line.update(Math.min(now.doneBytes(), now.totalBytes()), now.totalBytes(), now.doneBytes());
                Thread.sleep(pauseMillis);
                pauseMillis = Math.min(2 * pauseMillis, LONGEST_PAUSE_MILLIS);
                now = client.scrub();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new StoreException(Fault.UNAVAILABLE, "interrupted; the scrub goes on", e);
        }
        if (now.failure() != null) {
            throw new StoreException(Fault.INTERNAL, "the scrub has not come to its end: " + now.failure());
        }
        return now.last();
    }

    private static boolean isClean(Result result) {
        return result.damagedItems() == 0 && result.damagedDisks() == 0 && result.problems() == 0;
    }

    private void show(Scrub status) {
        if (isJson) {
            printJson(status);
            return;
        }
        boolean isRunning = status.begunAt() != null;
        new Fields()
                .put("state", status.isPaused() ? "paused" : isRunning ? "running" : "idle")
                .put("began", status.begunAt())
                .put("read", isRunning ? read(status) : null)
                .put("failure", status.failure())
                .put("next", isRunning ? null : status.nextAt())
                .print(terminal.out());
        if (status.last() != null) {
            print(status.last());
        }
    }

    private static String read(Scrub status) {
        return Sizes.bytes(status.doneBytes()) + " of about " + Sizes.bytes(status.totalBytes());
    }

    private void print(Result last) {
        new Fields()
                .put("last scrub", last.endedAt() + ", " + DamageText.summary(last))
                .put("read", Sizes.count(last.items(), "item") + ", " + Sizes.bytes(last.bytes()) + " in "
                        + Sizes.seconds(Duration.between(Instant.parse(last.begunAt()), Instant.parse(last.endedAt()))))
                .put("pages", Sizes.count(last.pages()) + " of trees looked at"
                        + (last.recordsMade() == 0
                                ? ""
                                : ", records of " + Sizes.count(last.recordsMade()) + " made anew"))
                .print(terminal.out());
    }

    private void print(Damage damage) {
        if (DamageText.findings(damage).isEmpty()) {
            terminal.say("no damage is known");
            return;
        }
        DamageText.findings(damage).forEach(terminal.out()::println);
        DamageText.advice(damage).forEach(line -> terminal.say("%s", line));
    }
}
