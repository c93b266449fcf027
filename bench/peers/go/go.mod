module pirn-bench-go

go 1.19
