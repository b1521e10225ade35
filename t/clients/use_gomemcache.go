// gomemcache, Go's usual client: text protocol, its own choice of a server, many goroutines at once.
//
// usage: use_gomemcache HOST:PORT ...      $UNIX_SOCKET: the path of another server's socket
package main

import (
	"bytes"
	"fmt"
	"math/rand"
	"os"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/bradfitz/gomemcache/memcache"
)

const (
	// What waits for time to pass asks for so long: a busy machine may be late.
	eventually = 20 * time.Second
	patience   = 20 * time.Second // the library's own is 100 ms
)

var passed, failed int

func check(what string, got, want interface{}) {
	if reflect.DeepEqual(got, want) {
		passed++
		fmt.Println("ok   ", what)
		return
	}
	failed++
	fmt.Printf("FAIL  %s\n      got  %.300q\n      want %.300q\n", what, got, want)
}

// The value under a key, or what was wrong.
func value(client *memcache.Client, key string) string {
	item, err := client.Get(key)
	if err != nil {
		return err.Error()
	}
	return string(item.Value)
}

func item(key, value string) *memcache.Item {
	return &memcache.Item{Key: key, Value: []byte(value)}
}

func values(name string, client *memcache.Client) {
	random := make([]byte, 900000)
	rand.New(rand.NewSource(1)).Read(random)
	all := [][]byte{{}, []byte("text"), []byte("\x00\r\nEND\r\nVALUE x 0 1\r\n"), random}
	for i, v := range all {
		stored := &memcache.Item{Key: fmt.Sprint("v", i), Value: v, Flags: uint32(i) << 30}
		check(fmt.Sprintf("%s: set %.20q", name, v), client.Set(stored), nil)
		got, err := client.Get(stored.Key)
		check(fmt.Sprintf("%s: get %.20q", name, v), err, nil)
		good := err == nil && bytes.Equal(got.Value, v) && got.Flags == stored.Flags
		check(name+": it is the same, and its flags", good, true)
	}
	check(name+": a key of 250 bytes", client.Set(item(strings.Repeat("k", 250), "long")), nil)
	check(name+": its value", value(client, strings.Repeat("k", 250)), "long")
	tooLong := client.Set(item(strings.Repeat("k", 251), "x"))
	check(name+": one of 251", tooLong, memcache.ErrMalformedKey)
	tooLarge := client.Set(&memcache.Item{Key: "big", Value: make([]byte, 2000000)})
	check(name+": two megabytes", tooLarge != nil, true)
	check(name+": then it goes on", value(client, "v1"), "text")
}

func stores(name string, client *memcache.Client) {
	_, miss := client.Get("nothing")
	check(name+": a miss", miss, memcache.ErrCacheMiss)
	check(name+": add", client.Add(item("key", "one")), nil)
	check(name+": add of what is there", client.Add(item("key", "x")), memcache.ErrNotStored)
	check(name+": the value", value(client, "key"), "one")
	check(name+": replace", client.Replace(item("key", "two")), nil)
	check(name+": replace of nothing", client.Replace(item("no", "x")), memcache.ErrNotStored)
	check(name+": the new value", value(client, "key"), "two")
	check(name+": delete", client.Delete("key"), nil)
	check(name+": delete of nothing", client.Delete("key"), memcache.ErrCacheMiss)
	check(name+": it is gone", value(client, "key"), memcache.ErrCacheMiss.Error())
}

func uniques(name string, client *memcache.Client) {
	client.Set(item("c", "one"))
	first, _ := client.Get("c")
	second, _ := client.Get("c")
	first.Value, second.Value = []byte("two"), []byte("three")
	check(name+": cas", client.CompareAndSwap(first), nil)
	check(name+": cas afterwards", client.CompareAndSwap(second), memcache.ErrCASConflict)
	check(name+": the value", value(client, "c"), "two")
	third, _ := client.Get("c")
	client.Delete("c")
	check(name+": cas of nothing", client.CompareAndSwap(third) != nil, true)
}

func numbers(name string, client *memcache.Client) {
	client.Set(item("n", "40"))
	sum, err := client.Increment("n", 2)
	check(name+": incr", []interface{}{sum, err}, []interface{}{uint64(42), nil})
	sum, err = client.Decrement("n", 100)
	check(name+": decr", []interface{}{sum, err}, []interface{}{uint64(0), nil})
	client.Set(item("n", "18446744073709551615"))
	sum, err = client.Increment("n", 2)
	check(name+": incr around", []interface{}{sum, err}, []interface{}{uint64(1), nil})
	_, err = client.Increment("no", 1)
	check(name+": incr of nothing", err, memcache.ErrCacheMiss)
	client.Set(item("n", "text"))
	_, err = client.Increment("n", 1)
	check(name+": incr of a text", err != nil && err != memcache.ErrCacheMiss, true)
}

func multis(name string, client *memcache.Client) {
	keys := []string{"nothing"}
	for i := 0; i < 500; i++ {
		key := fmt.Sprint("m", i)
		if err := client.Set(item(key, "value of "+key)); err != nil {
			check(name+": set "+key, err, nil)
		}
		keys = append(keys, key)
	}
	got, err := client.GetMulti(keys)
	check(name+": GetMulti", err, nil)
	right := 0
	for _, key := range keys {
		if got[key] != nil && string(got[key].Value) == "value of "+key {
			right++
		}
	}
	check(name+": brings 500 values", []int{right, len(got)}, []int{500, 500})
}

func times(name string, client *memcache.Client) {
	client.Set(&memcache.Item{Key: "soon", Value: []byte("x"), Expiration: 1})
	client.Set(&memcache.Item{Key: "later", Value: []byte("there"), Expiration: 1000})
	check(name+": an item of one second ends", ends(client, "soon"), true)
	check(name+": one of a thousand does not", value(client, "later"), "there")
	check(name+": touch of nothing", client.Touch("soon", 1), memcache.ErrCacheMiss)
	check(name+": touch", client.Touch("later", 1), nil)
	check(name+": then it ends too", ends(client, "later"), true)
}

func ends(client *memcache.Client, key string) bool {
	for deadline := time.Now().Add(eventually); time.Now().Before(deadline); {
		if _, err := client.Get(key); err == memcache.ErrCacheMiss {
			return true
		}
		time.Sleep(50 * time.Millisecond)
	}
	return false
}

// Goroutines share a client and its connections: each has keys of its own, and one key is of all.
func goroutines(name string, client *memcache.Client) {
	const workers, rounds = 16, 100
	client.Set(item("shared", "0"))
	var wait sync.WaitGroup
	wrong := make([]int, workers)
	for w := 0; w < workers; w++ {
		wait.Add(1)
		go func(w int) {
			defer wait.Done()
			for i := 0; i < rounds; i++ {
				key, text := fmt.Sprint("g", w, "-", i%10), fmt.Sprint(w, " wrote ", i)
				_, err := client.Increment("shared", 1)
				if client.Set(item(key, text)) != nil || value(client, key) != text || err != nil {
					wrong[w]++
				}
			}
		}(w)
	}
	wait.Wait()
	check(name+": nobody saw another's value", wrong, make([]int, workers))
	check(name+": all count together", value(client, "shared"), fmt.Sprint(workers*rounds))
}

func everything(name string, servers ...string) *memcache.Client {
	client := memcache.New(servers...)
	client.Timeout = patience
	for _, test := range []func(string, *memcache.Client){
		values, stores, uniques, numbers, multis, goroutines} {
		test(name, client)
	}
	return client
}

func main() {
	servers := os.Args[1:]
	everything("one server", servers[0])
	if socket := os.Getenv("UNIX_SOCKET"); socket != "" {
		everything("unix socket", socket)
	}
	client := everything("ring", servers...)
	times("ring", client)
	check("ring: FlushAll", client.FlushAll(), nil)
	check("ring: nothing is left", value(client, "v1"), memcache.ErrCacheMiss.Error())
	fmt.Printf("%d checks passed, %d failed\n", passed, failed)
	if failed > 0 || passed == 0 {
		os.Exit(1)
	}
}
