"""What the page on several devices says of its record."""

from unrolled import records


def test_small_batches_lose_large_ones_gain_and_the_message_stays():
    record = records.load("data_parallel")
    found, V, H = record["results"], record["settings"]["V"], record["settings"]["H"]
    of_one = [by_count["4"]["of_one"] for by_count in found.values()]
    assert of_one[0] > 1.1 and of_one[-1] < 0.8
    assert of_one == sorted(of_one, reverse=True)
    gradient = 4 * (V * 3 * H + 3 * H * H + 3 * H + H * V + V)
    for by_count in found.values():
        assert by_count["1"]["bytes"] == 0
        for count in "24":
            assert 0 < by_count[count]["bytes"] - gradient <= 16
