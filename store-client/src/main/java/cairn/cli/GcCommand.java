package cairn.cli;

import cairn.Fault;
import cairn.StoreException;
import cairn.api.GcMessages;
import cairn.api.GcMessages.Act;
import cairn.api.GcMessages.Done;
import cairn.api.GcMessages.DryRun;
import cairn.api.GcMessages.Progress;
import cairn.api.GcMessages.Result;
import cairn.api.GcMessages.Status;
import cairn.client.StoreClient;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.Model.CommandSpec;

@Command(
        name = "gc",
        description = {
            "Give back the space of what nothing refers to any more, now rather than in the background.",
            "It goes on while everybody works; only the root account may ask for it."
        },
        sortOptions = false)
final class GcCommand extends StoreCommand {
    private static final long FIRST_PAUSE_MILLIS = 20;
    private static final long LONGEST_PAUSE_MILLIS = 500;

    @Spec
    private CommandSpec spec;

    @ArgGroup(exclusive = true)
    private Instead instead = new Instead();

    @Option(names = "--end-uploads", description = "first end unfinished uploads, so that what they have sent goes too")
    private boolean isEndingUploads;

    @Option(names = "--no-wait", description = "do not wait for the end")
    private boolean isNotWaiting;

    @Option(names = "--json", description = "print a JSON object")
    private boolean isJson;

    /** What to do instead of collecting garbage. */
    private static final class Instead {
        @Option(names = "--dry-run", description = "show what would come back, and change nothing")
        private boolean isDryRun;

        @Option(names = "--status", description = "show what is being done, and was done last")
        private boolean isStatus;

        @Option(names = "--pause", description = "have it wait, in the background too, until --resume")
        private boolean isPause;

        @Option(names = "--resume", description = "have it go on")
        private boolean isResume;

        @Option(
                names = "--clear-alarm",
                description = "let things be removed again, after an item was read that was to be removed")
        private boolean isClearAlarm;

        boolean isAny() {
            return isDryRun || isStatus || isPause || isResume || isClearAlarm;
        }
    }

    GcCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run(StoreClient client) {
        if (instead.isAny() && (isEndingUploads || isNotWaiting)) {
            throw new ParameterException(
                    spec.commandLine(), "--end-uploads and --no-wait are for collecting garbage, and for nothing else");
        }
        if (instead.isStatus) {
            return show(client.gc());
        }
        if (instead.isDryRun) {
            return show(client.gc(new Act(GcMessages.DRY_RUN, null)));
        }
        if (instead.isPause) {
            return show(client.gc(new Act(GcMessages.PAUSE, null)).status());
        }
        if (instead.isResume) {
            return show(client.gc(new Act(GcMessages.RESUME, null)).status());
        }
        if (instead.isClearAlarm) {
            return show(client.gc(new Act(GcMessages.CLEAR_ALARM, null)).status());
        }
        return collect(client);
    }

    private int collect(StoreClient client) {
        Done asked = client.gc(new Act(GcMessages.RUN, isEndingUploads));
        if (asked.uploadsEnded() != null && asked.uploadsEnded() > 0) {
            terminal.say("ended %s", Sizes.count(asked.uploadsEnded(), "unfinished upload"));
        }
        if (isNotWaiting) {
            return show(asked.status());
        }
        Status now = await(client, asked);
        Result result = now.last();
        if (result != null && result.error() != null) {
            throw new StoreException(Fault.CONFLICT, result.error());
        }
        if (isJson) {
            printJson(now);
            return DONE;
        }
        terminal.out().println(told(now));
        return DONE;
    }

    private Status await(StoreClient client, Done asked) {
        Status now = asked.status();
        long pauseMillis = FIRST_PAUSE_MILLIS;
        try (ProgressLine line = new ProgressLine(terminal, "gc")) {
            while (now.runs() < asked.run()) {
                Progress progress = now.progress();
                if (progress != null && progress.totalBytes() > 0) {
                    line.update(progress.doneBytes(), progress.totalBytes(), progress.doneBytes());
                }
                if (now.state().equals("paused")) {
                    throw new StoreException(Fault.CONFLICT, "it is paused; `cairn gc --resume` has it go on");
                }
                Thread.sleep(pauseMillis);
                pauseMillis = Math.min(2 * pauseMillis, LONGEST_PAUSE_MILLIS);
                now = client.gc();
            }
            return now;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new StoreException(Fault.UNAVAILABLE, "interrupted; it goes on at the server", e);
        }
    }

    /** In a sentence. */
    private static String told(Status now) {
        List<String> parts = new ArrayList<>();
        Result result = now.last();
        long bytes = result == null ? 0 : result.givenBackBytes();
        parts.add(bytes >= 0 ? "gave back " + Sizes.bytes(bytes) : "took " + Sizes.bytes(-bytes) + " more");
        if (result != null && result.packedBytes() > 0) {
            parts.add("packed the rest by " + Sizes.bytes(result.packedBytes()) + " smaller");
        }
        if (result != null && result.extentsFailed() > 0) {
            parts.add(Sizes.count(result.extentsFailed(), "file") + " could not be rewritten, and will be tried again"
                    + " (`cairn scrub` tells what is damaged): " + result.failures().get(0));
        }
        if (now.heldBytes() > 0) {
            parts.add(held(now.heldBytes(), now));
        }
        return String.join("; ", parts);
    }

    private static String held(long heldBytes, Status now) {
        return now.uploads() == 0
                ? Sizes.bytes(heldBytes) + " more is held by what is being written just now"
                : Sizes.bytes(heldBytes) + " more is held by " + Sizes.count(now.uploads(), "unfinished upload") + " until "
                        + now.uploadsUntil() + ", `cairn gc --end-uploads` ends them";
    }

    private int show(Done done) {
        DryRun dryRun = done.dryRun();
        if (isJson) {
            printJson(dryRun);
            return DONE;
        }
        Fields fields = new Fields()
                .put("would give back", Sizes.bytes(dryRun.givenBackBytes()) + ": "
                        + Sizes.count(dryRun.extentsDropped(), "file") + " dropped, "
                        + Sizes.count(dryRun.extentsRewritten(), "file") + " rewritten")
                .put("left", dryRun.leftBytes() == 0
                        ? null
                        : Sizes.bytes(dryRun.leftBytes()) + " that lie too thinly among others to be worth it yet");
        if (dryRun.heldBytes() > 0) {
            fields.put("held", held(dryRun.heldBytes(), done.status()));
        }
        fields.print(terminal.out());
        return DONE;
    }

    private int show(Status status) {
        if (isJson) {
            printJson(status);
            return DONE;
        }
        Fields fields = new Fields().put("state", status.state());
        if (status.alarm() != null) {
            fields.put("alarm", "since " + status.alarm().at() + " nothing is removed: " + status.alarm().item() + " at "
                    + status.alarm().place() + " was read though it was to be removed");
        }
        if (status.progress() != null) {
            fields.put("progress", told(status.progress()));
        }
        if (status.last() != null) {
            fields.put("last", told(status.last()))
                    .put("error", status.last().error())
                    .putLines("failures", status.last().failures());
        }
        fields.put("next", status.condemnedBytes() == 0
                        ? null
                        : Sizes.bytes(status.condemnedBytes()) + " come back with the next cycle")
                .put("held", status.heldBytes() == 0 ? null : held(status.heldBytes(), status))
                .print(terminal.out());
        return DONE;
    }

    private static String told(Progress progress) {
        String left = progress.secondsLeft() == null
                ? ""
                : ", about " + Sizes.seconds(Duration.ofSeconds(progress.secondsLeft())) + " left";
        String done = progress.totalBytes() == 0
                ? Sizes.count(progress.pages(), "page") + " marked, " + Sizes.count(progress.rowsRemoved(), "row") + " removed"
                : Sizes.bytes(progress.doneBytes()) + " of " + Sizes.bytes(progress.totalBytes());
        return progress.phase() + " in cycle " + progress.cycle() + ": " + done + left + "; gave back "
                + Sizes.bytes(progress.givenBackBytes()) + " so far";
    }

    private static String told(Result result) {
        Duration time = Duration.between(Instant.parse(result.startedAt()), Instant.parse(result.endedAt()));
        return result.endedAt() + ", in " + Sizes.seconds(time) + ": " + Sizes.count(result.pages(), "page") + " marked, "
                + Sizes.count(result.rowsRemoved(), "row") + " removed, " + Sizes.count(result.extentsRewritten(), "file")
                + " rewritten, " + (result.givenBackBytes() < 0 ? "-" : "") + Sizes.bytes(Math.abs(result.givenBackBytes()))
                + " given back";
    }
}
