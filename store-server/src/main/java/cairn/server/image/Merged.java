package cairn.server.image;

import java.util.Comparator;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/** Two lists in order as one; of what is in both, the second's. */
final class Merged<T> implements Iterator<T> {
    private final Iterator<T> first;
    private final Iterator<T> second;
    private final Comparator<T> order;
    private T ofFirst;
    private T ofSecond;

    private Merged(Iterator<T> first, Iterator<T> second, Comparator<T> order) {
        this.first = first;
        this.second = second;
        this.order = order;
        this.ofFirst = next(first);
        this.ofSecond = next(second);
    }

    /** Reads both as far as this is read, and one item ahead. @param order in which both are */
    static <T> Stream<T> of(Stream<T> first, Stream<T> second, Comparator<T> order) {
        return StreamSupport.stream(
                Spliterators.spliteratorUnknownSize(
                        new Merged<>(first.iterator(), second.iterator(), order),
                        Spliterator.ORDERED | Spliterator.NONNULL),
                false);
    }

    private static <T> T next(Iterator<T> list) {
        return list.hasNext() ? list.next() : null;
    }

    @Override
    public boolean hasNext() {
        return ofFirst != null || ofSecond != null;
    }

    @Override
    public T next() {
        if (!hasNext()) {
            throw new NoSuchElementException();
        }
        int compared = ofFirst == null ? 1 : ofSecond == null ? -1 : order.compare(ofFirst, ofSecond);
        T next = compared < 0 ? ofFirst : ofSecond;
        if (compared <= 0) {
            ofFirst = next(first);
        }
        if (compared >= 0) {
            ofSecond = next(second);
        }
        return next;
    }
}
