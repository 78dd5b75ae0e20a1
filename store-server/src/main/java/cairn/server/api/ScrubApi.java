package cairn.server.api;

import static cairn.Fault.FORBIDDEN;
import static cairn.Fault.INVALID_REQUEST;

import cairn.StoreException;
import cairn.Text;
import cairn.api.Api;
import cairn.api.Json;
import cairn.api.Messages;
import cairn.api.ScrubMessages;
import cairn.api.ScrubMessages.ScrubAction;
import cairn.server.http.HttpCall;
import cairn.server.http.HttpReply;
import cairn.server.scrub.Damage;
import cairn.server.scrub.ScrubResult;
import cairn.server.scrub.Scrubber;
import java.time.Instant;

/** Answers what is damaged; for root alone. */
public final class ScrubApi {
    private final Scrubber scrubber;

    public ScrubApi(Scrubber scrubber) {
        this.scrubber = scrubber;
    }

    HttpReply status(HttpCall call) {
        call.requireOnly();
        requireRoot(call);
        return ApiDoor.json(status());
    }

    /** What {@code cairn stats} shows of the last one. */
    ScrubMessages.Scrub status() {
        Scrubber.Status status = scrubber.status();
        return new ScrubMessages.Scrub(
                status.begunAt().map(Instant::toString).orElse(null),
                status.isPaused(),
                status.doneBytes(),
                status.totalBytes(),
                status.failure(),
                status.last().map(ScrubApi::message).orElse(null),
                status.nextAt().map(Instant::toString).orElse(null));
    }

    HttpReply act(HttpCall call) {
        call.requireOnly();
        requireRoot(call);
        String action = ApiDoor.required("action", Json.decode(call.body(), ScrubAction.class).action());
        switch (action) {
            case ScrubAction.RUN -> scrubber.run();
            case ScrubAction.PAUSE -> scrubber.pause();
            case ScrubAction.RESUME -> scrubber.resume();
            default -> throw new StoreException(INVALID_REQUEST, "there is no action " + Text.shown(action));
        }
        return ApiDoor.json(status());
    }

    HttpReply damage(HttpCall call) {
        call.requireOnly();
        requireRoot(call);
        return ApiDoor.json(message(scrubber.damage()));
    }

    private static void requireRoot(HttpCall call) {
        if (!call.caller().isRoot()) {
            throw new StoreException(FORBIDDEN, "only the root account may look at what the whole store holds");
        }
    }

    /** As it is sent. */
    public static ScrubMessages.Result message(ScrubResult result) {
        return new ScrubMessages.Result(
                result.begunAt().toString(),
                result.endedAt().toString(),
                result.items(),
                result.bytes(),
                result.pages(),
                result.recordsMade(),
                result.damagedItems(),
                result.damagedDisks(),
                result.problemsFound());
    }

    /** As it is sent. */
    public static ScrubMessages.Damage message(Damage damage) {
        return new ScrubMessages.Damage(
                damage.damagedItems(),
                damage.unusedItems(),
                damage.items().stream().map(ScrubApi::message).toList(),
                damage.damagedDisks(),
                damage.disks().stream().map(ScrubApi::message).toList(),
                damage.problemsFound(),
                damage.problems());
    }

    private static ScrubMessages.DamagedItem message(Damage.Item item) {
        return new ScrubMessages.DamagedItem(
                item.item(),
                item.why(),
                item.uses().stream()
                        .map(use -> new ScrubMessages.Use(use.disk(), use.offset(), use.lengthBytes()))
                        .toList());
    }

    private static ScrubMessages.DamagedDisk message(Damage.Disk disk) {
        return new ScrubMessages.DamagedDisk(
                disk.id(),
                disk.kind(),
                disk.owner().orElse(null),
                disk.images().stream()
                        .map(image -> new ScrubMessages.DamagedImage(image.id(), image.name(), image.owner()))
                        .toList(),
                disk.ranges().stream()
                        .map(range -> new Messages.Range(range.offset(), range.lengthBytes()))
                        .toList(),
                disk.damagedRanges(),
                disk.damagedBytes());
    }
}
