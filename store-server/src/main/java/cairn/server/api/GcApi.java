package cairn.server.api;

import static cairn.Fault.FORBIDDEN;
import static cairn.Fault.INVALID_REQUEST;
import static cairn.server.api.ApiDoor.required;

import cairn.StoreException;
import cairn.Text;
import cairn.api.GcMessages;
import cairn.api.Json;
import cairn.server.gc.Collector;
import cairn.server.gc.DryRun;
import cairn.server.gc.GcSchedule;
import cairn.server.gc.GcStatus;
import cairn.server.http.HttpCall;
import cairn.server.http.HttpReply;
import cairn.server.upload.Upload;
import cairn.server.upload.Uploads;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Has garbage collected, for root alone. */
public final class GcApi {
    private final GcSchedule schedule;
    private final Uploads uploads;

    public GcApi(GcSchedule schedule, Uploads uploads) {
        this.schedule = schedule;
        this.uploads = uploads;
    }

    HttpReply status(HttpCall call) {
        call.requireOnly();
        requireRoot(call);
        return ApiDoor.json(status());
    }

    HttpReply act(HttpCall call) {
        call.requireOnly();
        requireRoot(call);
        GcMessages.Act act = Json.decode(call.body(), GcMessages.Act.class);
        return ApiDoor.json(act(required("action", act.action()), Boolean.TRUE.equals(act.isEndingUploads())));
    }

    private static void requireRoot(HttpCall call) {
        if (!call.caller().isRoot()) {
            throw new StoreException(FORBIDDEN, "only the root account may collect garbage");
        }
    }

    private GcMessages.Done act(String action, boolean isEndingUploads) {
        Collector collector = schedule.collector();
        switch (action) {
            case GcMessages.RUN -> {
                int ended = isEndingUploads ? uploads.endAll() : 0;
                return new GcMessages.Done(schedule.ask(), ended, null, status());
            }
            case GcMessages.DRY_RUN -> {
                return new GcMessages.Done(null, null, message(collector.dryRun()), status());
            }
            case GcMessages.PAUSE -> collector.pause();
            case GcMessages.RESUME -> collector.resume();
            case GcMessages.CLEAR_ALARM -> collector.clearAlarm();
            default -> throw new StoreException(INVALID_REQUEST, "there is no action " + Text.shown(action));
        }
        return new GcMessages.Done(null, null, null, status());
    }

    private static GcMessages.DryRun message(DryRun dryRun) {
        return new GcMessages.DryRun(
                dryRun.givenBackBytes(),
                dryRun.extentsDropped(),
                dryRun.extentsRewritten(),
                dryRun.leftBytes(),
                dryRun.heldBytes());
    }

    private GcMessages.Status status() {
        GcStatus status = schedule.status();
        List<Upload> unfinished = uploads.unfinished();
        Optional<Instant> until = unfinished.stream().map(Upload::leaseUntil).max(Comparator.naturalOrder());
        return new GcMessages.Status(
                state(status),
                status.runs(),
                status.progress().map(GcApi::message).orElse(null),
                status.last().map(GcApi::message).orElse(null),
                status.condemnedBytes(),
                status.heldBytes(),
                unfinished.size(),
                until.map(Instant::toString).orElse(null),
                status.alarm()
                        .map(alarm -> new GcMessages.Alarm(alarm.item(), alarm.ordinal(), alarm.at().toString()))
                        .orElse(null));
    }

    private static String state(GcStatus status) {
        if (status.alarm().isPresent()) {
            return "alarm";
        }
        if (status.isPaused()) {
            return "paused";
        }
        return status.progress().isPresent() ? "running" : "idle";
    }

    private static GcMessages.Progress message(GcStatus.Progress progress) {
        return new GcMessages.Progress(
                progress.phase().name().toLowerCase(Locale.ROOT),
                progress.startedAt().toString(),
                progress.cycle(),
                progress.pages(),
                progress.rowsRemoved(),
                progress.doneBytes(),
                progress.totalBytes(),
                progress.givenBackBytes(),
                progress.secondsLeft().orElse(null));
    }

    private static GcMessages.Result message(GcStatus.Result result) {
        return new GcMessages.Result(
                result.startedAt().toString(),
                result.endedAt().toString(),
                result.pages(),
                result.rowsRemoved(),
                result.givenBackBytes(),
                result.packedBytes(),
                result.extentsRewritten(),
                result.extentsFailed(),
                result.cpuMillis(),
                result.failures(),
                result.error().orElse(null));
    }
}
