package cairn.server.storage.rocks;

import cairn.server.storage.Ordinal;

/** A run of ordinals, both ends included. */
record Ordinals(long first, long last) {

    boolean contains(long ordinal) {
        return first <= ordinal && ordinal <= last;
    }

    boolean contains(Ordinals others) {
        return first <= others.first && others.last <= last;
    }

    boolean overlaps(Ordinals others) {
        return first <= others.last && others.first <= last;
    }

    /** The shortest run that has all of both. */
    Ordinals and(Ordinals others) {
        return new Ordinals(Math.min(first, others.first), Math.max(last, others.last));
    }

    /** Not after any key in it, and after all keys before it. */
    byte[] fromKey() {
        return Keys.firstAt(first);
    }

    /** After all keys in it, and not after any behind it. */
    byte[] untilKey() {
        return Keys.firstAt(last + 1);
    }

    @Override
    public String toString() {
        return "ordinals " + Ordinal.shown(first) + " to " + Ordinal.shown(last);
    }
}
